package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/internal/identity"
	"gatehouse/internal/rulesfile"
)

// atHome runs a command in this process, with a home of its own.
func atHome(t *testing.T, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(args, strings.NewReader(""), &out, &errs)
	return ran{code, out.String(), errs.String()}
}

// freshHome makes the test a home and an empty working directory.
func freshHome(t *testing.T) (home, workDir string) {
	t.Helper()
	home, workDir = t.TempDir(), t.TempDir()
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "GATEWAY_MCP_CONFIG", "GATEWAY_RULES", "GATEWAY_ENV_FILE", "APPDATA", "LOCALAPPDATA"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("GATEHOUSE_HOME", home)
	t.Chdir(workDir)
	return home, workDir
}

func TestInit_writesToTheConfigFolder_whichRunAndValidateUse(t *testing.T) {
	home, workDir := freshHome(t)
	atHome(t, "init").want(t, exitFine, "wrote   "+filepath.Join(home, ".config", "gatehouse", ".mcp.json"))
	if left, err := os.ReadDir(workDir); err != nil || len(left) != 0 {
		t.Errorf("got %v, %v in the working directory, want nothing", left, err)
	}
	if got, err := os.ReadFile(filepath.Join(home, ".local", "state", "gatehouse", "path")); err != nil || strings.TrimSpace(string(got)) != os.Getenv("PATH") {
		t.Errorf("got %q, %v, want the PATH kept for gateways in the background", got, err)
	}
	// Switched on as it is, the template is still without a warning.
	path := filepath.Join(home, ".config", "gatehouse", ".mcp.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"disabled": true`), []byte(`"disabled": false`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	atHome(t, "validate").want(t, exitFine, "0 errors, 0 warnings")
	atHome(t, "init").want(t, exitFine, "kept    "+path)
}

func TestInit_elsewhere_writesNothingThatOtherClientsCannotRead(t *testing.T) {
	_, workDir := freshHome(t)
	r := atHome(t, "init", "--dir", ".").want(t, exitFine, "Other MCP clients", "--mcp-config "+filepath.Join(workDir, ".mcp.json"))
	text, err := os.ReadFile(".mcp.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		MCPServers map[string]any `json:"mcpServers"`
	}
	if err := json.Unmarshal(text, &file); err != nil || file.MCPServers == nil || len(file.MCPServers) != 0 {
		t.Errorf("got %s (%v), want plain JSON without servers", text, err)
	}
	_, command, _ := strings.Cut(r.out, "both with ")
	atHome(t, append([]string{"validate"}, strings.Fields(command)...)...).want(t, exitFine, "0 errors")
}

func TestInit_withoutAHome_saysWhatToDo(t *testing.T) {
	freshHome(t)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(t.TempDir(), "file", "x"))
	if err := os.WriteFile(filepath.Dir(os.Getenv("XDG_CONFIG_HOME")), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	atHome(t, "init").want(t, exitNo, "not a directory")
}

func TestInit_aFolderThatCannotBeMade_isNamed(t *testing.T) {
	freshHome(t)
	dir := filepath.Join(written(t, "file", ""), "below")
	r := atHome(t, "init", "--dir", dir)
	if want := "gatehouse: cannot make the folder " + dir + ": not a directory; name another with --dir"; r.code == exitFine || !strings.Contains(r.err, want) {
		t.Errorf("got exit code %d, %q, want %q", r.code, r.err, want)
	}
}

// Over HTTP whoever reaches the port could be any agent else.
func TestInit_makesATokenForTheFirstAgent(t *testing.T) {
	home, _ := freshHome(t)
	path := filepath.Join(home, ".config", "gatehouse", ".mcp-gateway-rules.json")
	read := func() (string, identity.Credentials) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, credentials, problems := rulesfile.Parse(path, text)
		if len(problems) > 0 {
			t.Errorf("got problems %v, want none", problems)
		}
		return string(text), credentials
	}
	shown := regexp.MustCompile(`gatehouse_[\w-]+`)
	token := shown.FindString(atHome(t, "init").want(t, exitFine, "shown only now").out)
	text, credentials := read()
	if len(credentials.Tokens) != 1 || credentials.Tokens[0].Digest != identity.DigestOf(token) || credentials.Tokens[0].Agents[0] != "default" {
		t.Errorf("got %+v, want the token that is shown, for default", credentials.Tokens)
	}
	if strings.Contains(text, token) {
		t.Error("the rules hold the token itself, want its hash alone")
	}
	if again := shown.FindString(atHome(t, "init").want(t, exitFine, "kept").out); again != "" {
		t.Errorf("rules that were kept: got the token %s, want none", again)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if open := shown.FindString(atHome(t, "init", "--open").want(t, exitFine, "wrote").out); open != "" {
		t.Errorf("--open: got the token %s, want none", open)
	}
	if _, credentials := read(); !credentials.Empty() {
		t.Errorf("--open: got %+v, want no credential", credentials)
	}
}
