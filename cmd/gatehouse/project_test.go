package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

// homeOf is the environment of a user whose home is a folder of the test, for
// commands that run in this process. The project is another one.
func homeOf(t *testing.T) (home, project string) {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	project = filepath.Join(home, "src", "project")
	for _, dir := range []string{project, filepath.Join(home, ".config", "gatehouse")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	for _, v := range []string{"XDG_CONFIG_HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "GATEWAY_MCP_CONFIG", "GATEWAY_RULES", "GATEWAY_ENV_FILE", parentVariable} {
		t.Setenv(v, "")
	}
	t.Chdir(project)
	return home, project
}

const (
	oneServer    = `{"mcpServers": {"mine": {"command": "true"}}}`
	emptyServers = `{"mcpServers": {}}`
	someRules    = `{"agents": {"a": {"allow": {"servers": ["*"]}}}}`
)

// put writes the two files of a folder.
func put(t *testing.T, dir, servers, rules string) {
	t.Helper()
	putFile(t, filepath.Join(dir, ".mcp.json"), servers)
	putFile(t, filepath.Join(dir, ".mcp-gateway-rules.json"), rules)
}

func putFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// runHere runs a command in this process.
func runHere(args ...string) ran {
	var out, errs bytes.Buffer
	code := run(args, nil, &out, &errs)
	return ran{code, out.String(), errs.String()}
}

// used are the files that validate has checked.
func used(t *testing.T, args ...string) (dir string, report struct {
	Problems []struct{ File, Code, Message, Hint string }
},
) {
	t.Helper()
	text := runHere(append([]string{"validate"}, args...)...).want(t, exitFine).out
	last := strings.Split(strings.TrimSpace(text), "\n")
	path, _, _ := strings.Cut(last[len(last)-1], ", ")
	if err := json.Unmarshal([]byte(runHere(append([]string{"validate", "--json"}, args...)...).out), &report); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(path), report
}

func TestSearch_aProjectThatNobodyApproved_isPassedOver(t *testing.T) {
	home, project := homeOf(t)
	config := filepath.Join(home, ".config", "gatehouse")
	put(t, config, emptyServers, someRules)
	put(t, project, oneServer, someRules)
	dir, report := used(t)
	if dir != config {
		t.Errorf("got the files of %s, want those of %s", dir, config)
	}
	at := slices.IndexFunc(report.Problems, func(p struct{ File, Code, Message, Hint string }) bool { return p.Code == codePassedOver })
	if at < 0 || !strings.Contains(report.Problems[at].Hint, "gatehouse trust "+project) || report.Problems[at].File != filepath.Join(project, ".mcp.json") {
		t.Errorf("got %+v, want a warning that names the file and the command", report.Problems)
	}
	runHere("explain", "a", "mine").want(t, exitFine, "gatehouse trust "+project)
	if dir, _ := used(t, "--here"); dir != project {
		t.Errorf("with --here: got the files of %s, want those of %s", dir, project)
	}
	runHere("trust", "--yes").want(t, exitFine, "mine", "true")
	if dir, _ := used(t); dir != project {
		t.Errorf("approved: got the files of %s, want those of %s", dir, project)
	}
}

// Each change asks again: of content, of place, of what a link leads to, of
// what the record may say.
func TestSearch_whatIsNotAsItWasApproved_isPassedOver(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, home, project string){
		"the servers file": func(t *testing.T, _, project string) {
			putFile(t, filepath.Join(project, ".mcp.json"), oneServer+"\n")
		},
		"the rules file": func(t *testing.T, _, project string) {
			putFile(t, filepath.Join(project, ".mcp-gateway-rules.json"), someRules+" ")
		},
		"a file that is gone": func(t *testing.T, _, project string) {
			if err := os.Remove(filepath.Join(project, ".mcp-gateway-rules.json")); err != nil {
				t.Fatal(err)
			}
		},
		"other rules in place of the second name": func(t *testing.T, _, project string) {
			if err := os.Rename(filepath.Join(project, ".mcp-gateway-rules.json"), filepath.Join(project, "gateway-rules.json")); err != nil {
				t.Fatal(err)
			}
		},
		"a link to the same bytes": func(t *testing.T, home, project string) {
			putFile(t, filepath.Join(home, "copy.json"), oneServer)
			if err := os.Remove(filepath.Join(project, ".mcp.json")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(home, "copy.json"), filepath.Join(project, ".mcp.json")); err != nil {
				t.Fatal(err)
			}
		},
		"a record that others may write": func(t *testing.T, home, _ string) {
			if err := os.Chmod(filepath.Join(home, ".local/state/gatehouse/trust.json"), 0o666); err != nil {
				t.Fatal(err)
			}
		},
		"a record that is a link": func(t *testing.T, home, _ string) {
			path := filepath.Join(home, ".local/state/gatehouse/trust.json")
			if err := os.Rename(path, path+"2"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path+"2", path); err != nil {
				t.Fatal(err)
			}
		},
		"a moved folder": func(t *testing.T, home, project string) {
			if err := os.Rename(project, filepath.Join(home, "moved")); err != nil {
				t.Fatal(err)
			}
			t.Chdir(filepath.Join(home, "moved"))
		},
		"files that were revoked": func(t *testing.T, _, _ string) { runHere("trust", "--revoke").want(t, exitFine) },
		"rules that are named": func(t *testing.T, home, _ string) {
			t.Setenv("GATEWAY_RULES", filepath.Join(home, ".config/gatehouse/.mcp-gateway-rules.json"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			home, project := homeOf(t)
			config := filepath.Join(home, ".config", "gatehouse")
			put(t, config, emptyServers, someRules)
			put(t, project, oneServer, someRules)
			runHere("trust", "--yes").want(t, exitFine)
			change(t, home, project)
			dir, report := used(t)
			if dir != config {
				t.Errorf("got the files of %s, want those of %s", dir, config)
			}
			if !strings.Contains(strings.Join(codes(report.Problems), " "), codePassedOver) {
				t.Errorf("got %+v, want a warning %s", report.Problems, codePassedOver)
			}
		})
	}
}

func codes(problems []struct{ File, Code, Message, Hint string }) []string {
	var list []string
	for _, p := range problems {
		list = append(list, p.Code)
	}
	return list
}

func TestSearch_withNothingElse_saysHowToApprove(t *testing.T) {
	_, project := homeOf(t)
	put(t, project, oneServer, someRules)
	for _, args := range [][]string{{"validate"}, {"run"}, {"explain", "a", "mine"}} {
		runHere(args...).want(t, exitNo, "nobody has approved", "gatehouse trust "+project, "--here")
	}
	runHere("trust", "--yes").want(t, exitFine)
	putFile(t, filepath.Join(project, ".mcp.json"), emptyServers)
	runHere("validate").want(t, exitNo, "changed since it was approved")
}

func TestRun_inAProject_usesWhatWasApprovedAndNothingElse(t *testing.T) {
	t.Parallel()
	var dir string
	pwned := func() bool { _, err := os.Stat(filepath.Join(dir, "pwned")); return err == nil }
	evil := func() string {
		return testkit.Servers{"evil": {"command": "/bin/sh", "args": []any{"-c", "touch " + filepath.Join(dir, "pwned")}}}.JSON()
	}
	good := testkit.Servers{"good": testkit.Fake(t)}.JSON()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: good, Rules: testkit.AllowAll("a"), Search: true, Args: quick,
		Before: func(folder string) {
			dir = folder
			runIn(t, operatorEnv(&testkit.Gateway{Dir: folder}), "trust", "--yes", folder).want(t, exitFine)
		},
	})
	a := g.Agent(t, "a")
	a.Execute(t, "good", "pid", nil).Good(t)
	operate(t, g, "reload").want(t, exitFine, "unchanged")
	line := g.Reject(t, g.ServersFile, evil())
	if got := strings.Join(line.Strs("problems"), " "); !strings.Contains(got, "has changed since it was approved") || !strings.Contains(got, "gatehouse trust "+dir) {
		t.Errorf("got %s, want it to say that it was not approved, and the command", got)
	}
	operate(t, g, "status").want(t, exitFine, "rejected", "gatehouse trust "+dir)
	operate(t, g, "reload").want(t, exitNo, "rejected", "gatehouse trust "+dir)
	a.Execute(t, "good", "pid", nil).Good(t)
	if pwned() {
		t.Fatal("the changed file's server was started")
	}
	next := testkit.Servers{"next": testkit.Fake(t)}.JSON()
	g.Reject(t, g.ServersFile, next)
	mark := g.Log.Len()
	operate(t, g, "trust", "--yes", dir).want(t, exitFine, "Approved")
	g.AwaitFrom(t, mark, "config applied", "role", "servers")
	a.Execute(t, "next", "pid", nil).Good(t)
	if pwned() {
		t.Error("the server of a change that was never approved was started")
	}
}

func TestRun_inAnUntrustedFolder_usesTheConfigFolder(t *testing.T) {
	t.Parallel()
	pwned := filepath.Join(t.TempDir(), "pwned")
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"evil": {"command": "/bin/sh", "args": []any{"-c", "touch " + pwned}}}.JSON(), Rules: testkit.AllowAll("evil"), Search: true,
		Before: func(dir string) {
			config := filepath.Join(dir, "config", "gatehouse")
			if err := os.MkdirAll(config, 0o700); err != nil {
				t.Fatal(err)
			}
			put(t, config, testkit.Servers{"good": testkit.Fake(t)}.JSON(), testkit.AllowAll("a"))
		},
	})
	if line := g.Await(t, "project files passed over"); line.Level != "WARN" || !strings.Contains(line.Str("hint"), "gatehouse trust "+g.Dir) {
		t.Errorf("got %s with %v, want WARN with the command that approves them", line.Level, line.Attrs)
	}
	a := g.Agent(t, "a")
	a.Execute(t, "good", "pid", nil).Good(t)
	if st, _ := statusOf(t, g, "good"); st.PassedOver == nil || st.PassedOver.Dir != g.Dir || len(st.Servers) != 1 {
		t.Errorf("status: got %+v and %d servers, want %s passed over and 1 server", st.PassedOver, len(st.Servers), g.Dir)
	}
	if _, err := os.Stat(pwned); err == nil {
		t.Error("the project's server was started")
	}
}

func TestStatusPage_saysWhatWasPassedOver(t *testing.T) {
	text := page{}.status(admin.Status{PassedOver: &admin.PassedOver{Files: []string{"/p/\x1b[2J.mcp.json"}, Why: "nobody has approved it", Hint: "gatehouse trust /p"}})
	if !strings.Contains(text, `passed over /p/\x1b[2J.mcp.json: nobody has approved it`) || !strings.Contains(text, "gatehouse trust /p") {
		t.Errorf("got\n%s\nwant what was passed over, and the hint", text)
	}
}
