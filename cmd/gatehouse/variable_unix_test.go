//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A list that is a symbolic link is one for all who read it.
func TestVariable_listThatIsALink(t *testing.T) {
	home := clientHome(t)
	newFolderRing(t)
	configFile(t, home, ".mcp.json", `{"mcpServers": {"a": {"command": "true", "env": {"A": "${TOKEN}"}}}}`)
	configFile(t, home, ".mcp-gateway-rules.json", someRules)
	variableCommand(t, "one", "set", "TOKEN").want(t, exitFine)
	list, elsewhere := filepath.Join(home, ".config", "gatehouse", "gatehouse.keyring"), filepath.Join(home, "list")
	if err := os.Rename(list, elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, list); err != nil {
		t.Fatal(err)
	}
	if r := atHome(t, "validate"); strings.Contains(r.out, "TOKEN") {
		t.Errorf("got\n%s\nwant the variable found", r.out)
	}
	variableCommand(t, "", "list").want(t, exitFine, "TOKEN")
	variableCommand(t, "two", "set", "FILES_TOKEN").want(t, exitFine)
	atHome(t, "import").want(t, exitFine, "files", "FILES_TOKEN")
	variableCommand(t, "", "remove", "TOKEN").want(t, exitFine, "removed TOKEN")
	if target, err := os.Readlink(list); err != nil || target != elsewhere {
		t.Errorf("got a link to %q, %v; want the link kept", target, err)
	}
}

// Who may write the list may have a server get another variable's value.
func TestVariable_listThatOthersMayWrite_isWarnedOf(t *testing.T) {
	home, _ := freshHome(t)
	newFolderRing(t)
	configFile(t, home, ".mcp.json", `{"mcpServers": {}}`)
	configFile(t, home, ".mcp-gateway-rules.json", someRules)
	variableCommand(t, "one", "set", "TOKEN").want(t, exitFine)
	if err := os.Chmod(filepath.Join(home, ".config", "gatehouse", "gatehouse.keyring"), 0o666); err != nil {
		t.Fatal(err)
	}
	atHome(t, "validate").want(t, exitFine, "gatehouse.keyring: every user")
}
