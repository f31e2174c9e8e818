//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestImport_neitherPipesNorLoops_holdItUp(t *testing.T) {
	home := clientHome(t)
	pipe := filepath.Join(home, ".cursor", "mcp.json")
	if err := os.MkdirAll(filepath.Dir(pipe), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(home, ".gemini", "settings.json")
	if err := os.MkdirAll(filepath.Dir(loop), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	atHome(t, "import").want(t, exitNo, "a named pipe", loop, "files")
}

// The owner may keep the files elsewhere; a link stays one.
func TestImport_linksOfTheOwnersStay(t *testing.T) {
	home := clientHome(t)
	real := homeFile(t, home, "dotfiles/servers.json", "{\n  // mine\n  \"mcpServers\": {}\n}\n")
	if err := os.Chmod(real, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(home, ".config", "gatehouse", ".mcp.json")
	if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	atHome(t, "import", "--write").want(t, exitFine, "wrote "+link)
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("got %v, %v; want a link", info, err)
	}
	info, err = os.Stat(real)
	if text := readText(t, real); err != nil || info.Mode().Perm() != 0o640 || !strings.Contains(text, "// mine") || !strings.Contains(text, `"files"`) {
		t.Errorf("got %v, mode %v\n%s\nwant the servers there, its mode and comments kept", err, info.Mode(), text)
	}
}

// Secrets go nowhere that somebody else has prepared.
func TestImport_anEnvFileThatOthersMayWrite_isRefused(t *testing.T) {
	home := clientHome(t)
	path := configFile(t, home, "gatehouse.env", "A=1\n")
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	atHome(t, "import", "--write").want(t, exitNo, "chmod go-w")
	if got := readText(t, path); got != "A=1\n" {
		t.Errorf("got %q, want it as it was", got)
	}
}
