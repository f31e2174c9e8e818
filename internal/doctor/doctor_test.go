package doctor_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/doctor"
	"gatehouse/internal/jsondoc"
)

var update = flag.Bool("update", false, "write the golden texts")

// healthy are facts in which nothing is wrong.
func healthy() doctor.Facts {
	return doctor.Facts{
		Now:     time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC),
		Program: doctor.Program{Version: "v1.2.0", Path: "/usr/bin/gatehouse", Built: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}, Descriptors: 4096,
		Folders: []doctor.Folder{{What: "state", Path: "/home/a/.local/state/gatehouse"}}, Socket: doctor.Folder{What: "folder", Path: "/run/user/1000/gatehouse/attach", Missing: true},
		Port:    doctor.Port{Address: "127.0.0.1:8000"},
		Files:   doctor.Files{Servers: "/home/a/.config/gatehouse/.mcp.json", Rules: "/home/a/.config/gatehouse/.mcp-gateway-rules.json", FolderWord: "/home/a/.config/gatehouse", Shared: true, Agents: 2},
		Servers: []doctor.Server{{Name: "files", Command: "npx"}, {Name: "web"}}, KeepsPath: true,
		Runtimes: []doctor.Runtime{{Name: "node", Path: "/opt/node/bin/node", Servers: []string{"files"}}, {Name: "uv"}},
		Gateways: []doctor.Gateway{{
			PID: 7, Version: "v1.2.0", Reached: "attach", Background: true, Args: "run --transport attach", SameFiles: true,
			States: []doctor.State{{Name: "files", State: "ready"}, {Name: "web", State: "idle"}},
		}},
		Clients: []doctor.Client{{ID: "codex", Title: "Codex", File: "/home/a/.codex/config.toml", Connectable: true, Attached: true}},
	}
}

// ill are facts in which everything is wrong.
func ill() doctor.Facts {
	f := healthy()
	f.Now = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Program.OnPath, f.Descriptors, f.KeepsPath = "/usr/local/bin/gatehouse", 64, false
	f.Folders[0].Problem = "cannot write to /home/a/.local/state/gatehouse: read-only file system"
	f.Socket.Problem = "cannot use /run/user/1000/gatehouse/attach for a socket: others may write to it"
	f.Port.Problem = "address already in use"
	for i := range 7 {
		f.Files.Problems = append(f.Files.Problems, jsondoc.Problem{File: "a", Line: i + 1, Column: 1, Code: "c", Severity: jsondoc.Warning, Message: "m", Hint: "h"})
	}
	f.Files.Problems = append(f.Files.Problems, jsondoc.Problem{File: "b", Line: 1, Column: 1, Code: "c", Severity: jsondoc.Error, Message: "an error", Hint: "mend it"})
	f.Servers = []doctor.Server{
		{Name: "none", Command: "npx", Here: `executable "npx" not found in PATH`, Background: `executable "npx" not found in PATH`},
		{Name: "shell", Command: "uvx", Background: `executable "uvx" not found in PATH`},
		{Name: "back", Command: "old", Here: `executable "old" not found in PATH`},
		{Name: "bare", Command: "deno"},
		{Name: "unset", Unset: "env.TOKEN: variable TOKEN is not set", Lost: []string{"PROXY"}},
	}
	f.Runtimes = []doctor.Runtime{
		{Name: "node", Servers: []string{"none"}, Install: "install node"},
		{Name: "docker", Path: "/usr/bin/docker", Servers: []string{"x"}, Problem: "its daemon does not run", Install: "start it"},
	}
	f.Gateways = []doctor.Gateway{{
		PID: 7, Version: "v1.1.0", Reached: "attach", Background: true, Servers: "/s", Rules: "/r", Unreadable: "permission denied", Rejected: []string{"/s"},
		States: []doctor.State{{Name: "a", State: "quarantined", Reason: "exit 1", Failing: true, Do: "gatehouse release a"}},
	}, {PID: 9, Version: "v1.0.0", Reached: "http://127.0.0.1:8000/mcp", SameFiles: true}}
	f.Clients = []doctor.Client{
		{ID: "cursor", Title: "Cursor", File: "/home/a/.cursor/mcp.json", Connectable: true, Own: []string{"a", "b", "c", "d", "e", "f", "g"}},
		{ID: "zed", Title: "Zed", File: "/z", Problem: "line 1: no JSON"},
		{ID: "codex", Title: "Codex", File: "/c", Connectable: true, Attached: true, Broken: "the rules have no agent x"},
		{ID: "goose", Title: "Goose", File: "/g", Runs: true},
	}
	return f
}

// A dozen servers of one kind are a dozen warnings of one kind.
func TestExamine_warningsOfOneKind_areShownOnce(t *testing.T) {
	f := healthy()
	for n := range 7 {
		f.Files.Problems = append(f.Files.Problems, jsondoc.Problem{Severity: jsondoc.Warning, Code: "unpinned-package", Message: fmt.Sprint("server ", n), Hint: "pin it"})
	}
	f.Files.Problems = append(f.Files.Problems, jsondoc.Problem{Severity: jsondoc.Warning, Code: "another", Message: "something else"})
	var got []string
	for _, x := range doctor.Examine(f) {
		if x.Level == doctor.Warning {
			got = append(got, x.What+" > "+x.Do)
		}
	}
	if len(got) != 3 || !strings.Contains(got[0], "server 0") || !strings.Contains(got[1], "something else") || got[2] != "6 more problems of the files > gatehouse validate" {
		t.Errorf("got %q, want one of each kind, and how many more there are", got)
	}
}

// What is in a keyring that does not give it needs no other place.
func TestExamine_adviceOnTheKeyring_doesNotContradictIt(t *testing.T) {
	const locked = "env.A: variable A is in the keyring of the system: it is locked; once it answers, run: gatehouse reload"
	for problem, want := range map[string]struct {
		advice string
		setIt  bool
	}{
		locked: {"unlock the keyring", false},
		"env.A: variable A is in the keyring of the system: it has no value for it any more; set it again: gatehouse variable set A": {"set it again as it says", false},
		"env.A: variable A is not set":            {"set what it names", true},
		locked + "; env.B: variable B is not set": {"see to the keyring", true},
	} {
		f := healthy()
		f.Files.Problems = []jsondoc.Problem{{Severity: jsondoc.Warning, Code: "server-misconfigured", Message: problem}}
		var got string
		for _, x := range doctor.Examine(f) {
			if x.Level == doctor.Wrong {
				got = x.Do
			}
		}
		if !strings.Contains(got, want.advice) || strings.Contains(got, `"gatehouse variable set"`) != want.setIt {
			t.Errorf("%s: got the advice %q, want %q in it; %t that it must be set", problem, got, want.advice, want.setIt)
		}
	}
}

func TestExamine_saysWhatIsAndWhatToDo(t *testing.T) {
	noFiles := healthy()
	noFiles.Files, noFiles.Servers, noFiles.Gateways, noFiles.Clients = doctor.Files{Missing: "there are no files"}, nil, nil, nil
	elsewhere := ill()
	elsewhere.Files.Shared, elsewhere.Files.SharedServers = false, "/home/a/.config/gatehouse/.mcp.json"
	elsewhere.Silent = []string{"/run/1.sock"}
	elsewhere.Gateways = elsewhere.Gateways[1:]
	for name, f := range map[string]doctor.Facts{"healthy": healthy(), "ill": ill(), "no files": noFiles, "other files": elsewhere} {
		t.Run(name, func(t *testing.T) {
			findings := doctor.Examine(f)
			var b strings.Builder
			for _, x := range findings {
				fmt.Fprintf(&b, "%s %s: %s\n", x.Level, x.Check, x.What)
				if x.Do != "" {
					fmt.Fprintf(&b, "  do: %s\n", x.Do)
				}
				if x.Level != doctor.Fine && x.Do == "" {
					t.Errorf("got %q without what to do, want it", x.What)
				}
			}
			fmt.Fprintf(&b, "%s, healthy: %t\n", doctor.Summary(findings), doctor.Healthy(findings))
			path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".want")
			if *update {
				if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || b.String() != string(want) {
				t.Errorf("%v: got\n%s\nwant\n%s", err, b.String(), want)
			}
		})
	}
}
