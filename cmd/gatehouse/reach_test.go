package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit"
	"gatehouse/testkit/problemtest"
)

// filesBelow writes both files into a folder and returns the command that checks
// them.
func filesBelow(t *testing.T, folder, entry string) []string {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	servers, rules := filepath.Join(folder, ".mcp.json"), filepath.Join(folder, "rules.json")
	for path, text := range map[string]string{
		servers: fmt.Sprintf(`{"mcpServers": {"files": %s}}`, entry), rules: `{"agents": {"a": {"allow": {"servers": ["files"]}}}}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"validate", "--mcp-config", servers, "--rules", rules}
}

func TestValidate_warnsOfServersThatAreGivenTheRules(t *testing.T) {
	home, _ := freshHome(t)
	if home2, err := filepath.EvalSymlinks(home); err == nil {
		home = home2
	}
	config, link := filepath.Join(home, "conf", "gatehouse"), filepath.Join(home, "link")
	for path, to := range map[string]string{link: filepath.Join(home, "conf"), filepath.Join(home, "other"): t.TempDir()} {
		if err := os.Symlink(to, path); err != nil {
			t.Skip(err)
		}
	}
	const holds, is = "it holds the folder of the rules file", "it is the folder of the rules file"
	cases := map[string]struct{ entry, want string }{
		"the folder itself":           {`{"command": "x", "args": ["-y", "CONF/gatehouse"]}`, "files.args[1]: " + is},
		"one around it":               {`{"command": "x", "args": ["CONF"]}`, "files.args[0]: " + holds},
		"the whole machine":           {`{"command": "x", "args": ["/"]}`, holds},
		"the rules file":              {`{"command": "x", "args": ["CONF/gatehouse/rules.json"]}`, "it is the rules file"},
		"a link to it":                {`{"command": "x", "args": ["HOME/link"]}`, holds},
		"through a link":              {`{"command": "x", "args": ["HOME/link/gatehouse"]}`, is},
		"the value of an option":      {`{"command": "x", "args": ["--root=CONF"]}`, holds},
		"a mount of a container":      {`{"command": "docker", "args": ["run", "-v", "CONF:/data:rw", "x"]}`, holds},
		"by tilde":                    {`{"command": "x", "args": ["~/conf"]}`, holds},
		"the home directory":          {`{"command": "x", "args": ["${userHome}"]}`, holds},
		"the cwd":                     {`{"command": "x", "cwd": "."}`, "files.cwd: " + is},
		"relative to the cwd":         {`{"command": "x", "args": ["../gatehouse"], "cwd": "HOME/conf/gatehouse/.."}`, "files"},
		"above the cwd":               {`{"command": "x", "args": [".."], "cwd": "${workspaceFolder}"}`, "files.args[0]: " + holds},
		"a variable":                  {`{"command": "x", "args": ["${ROOT}"]}`, holds},
		"nothing":                     {`{"command": "x", "args": ["-y", "pkg@1", "CONF/gatehouse/data"]}`, ""},
		"a folder beside it":          {`{"command": "x", "args": ["HOME/other"]}`, ""},
		"one that does not exist":     {`{"command": "x", "args": ["CONF/nothing", "--root=CONF/gate"]}`, ""},
		"one that is switched off":    {`{"command": "x", "args": ["CONF"], "disabled": true}`, ""},
		"a url":                       {`{"url": "http://127.0.0.1:1/"}`, ""},
		"a url of the file system":    {`{"command": "x", "args": ["file://CONF/gatehouse"]}`, is},
		"a word like a part of it":    {`{"command": "x", "args": ["gatehouse", "conf"]}`, ""},
		"its own folder, by a period": {`{"command": "x", "args": ["-r", "nothing/."]}`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ROOT", filepath.Join(home, "conf"))
			entry := strings.NewReplacer("CONF", filepath.Join(home, "conf"), "HOME", home).Replace(c.entry)
			r := atHome(t, filesBelow(t, config, entry)...).want(t, exitFine, c.want)
			if got, want := strings.Contains(r.out, "[server-reaches-rules]"), c.want != ""; got != want {
				t.Errorf("got a warning: %v, want %v:\n%s", got, want, r.out)
			}
		})
	}
}

func TestValidate_startsNothing_andMakesNoFolder(t *testing.T) {
	home, _ := freshHome(t)
	atHome(t, filesBelow(t, filepath.Join(home, "c"), `{"command": "x"}`)...).want(t, exitFine, "0 warnings")
	if left, err := os.ReadDir(home); err != nil || len(left) != 1 {
		t.Errorf("got %v, %v, want the folder of the files alone", left, err)
	}
}

func TestValidate_warnsOfArgumentsThatStartElsewhereNow(t *testing.T) {
	home, _ := freshHome(t)
	folder := filepath.Join(home, "c")
	if err := os.MkdirAll(filepath.Join(folder, "build"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server.js", "build/index.js"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]struct {
		entry string
		warns bool
	}{
		"a script":                     {`{"command": "node", "args": ["server.js"]}`, true},
		"below the folder":             {`{"command": "node", "args": ["./build/index.js"]}`, true},
		"the value of an option":       {`{"command": "node", "args": ["--import=./server.js"]}`, true},
		"with a cwd":                   {`{"command": "node", "args": ["server.js"], "cwd": "${workspaceFolder}"}`, false},
		"a whole path":                 {`{"command": "node", "args": ["${workspaceFolder}/server.js"]}`, false},
		"a file that is not there":     {`{"command": "node", "args": ["other.js"]}`, false},
		"a word that is also a folder": {`{"command": "npm", "args": ["run", "build"]}`, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := atHome(t, filesBelow(t, folder, c.entry)...).want(t, exitFine)
			if got := strings.Contains(r.out, "[relative-argument]"); got != c.warns {
				t.Errorf("got a warning: %v, want %v:\n%s", got, c.warns, r.out)
			}
		})
	}
}

func TestCodes_areDocumented(t *testing.T) {
	problemtest.EachCode(t, codeReachesRules, codeRelative, codePassedOver, codeClearText, codeReadByOthers)
}

func TestStart_warnsOfServersThatAreGivenTheRules(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t).With("cwd", ".").Settings("start", "lazy")}.JSON(), Rules: testkit.AllowAll("a"),
	})
	g.Await(t, "config problem", "code", codeReachesRules)
}
