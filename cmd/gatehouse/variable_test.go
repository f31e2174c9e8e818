package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/locate"
	"gatehouse/testkit"
)

// variableCommand runs a command with a text on its input.
func variableCommand(t *testing.T, in string, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(append([]string{"variable"}, args...), strings.NewReader(in), &out, &errs)
	return ran{code, out.String(), errs.String()}
}

func TestVariable_isKeptInTheKeyringAlone(t *testing.T) {
	home, _ := freshHome(t)
	ring := newFolderRing(t)
	variableCommand(t, "", "list").want(t, exitFine, "no variable is kept")
	r := variableCommand(t, "marked-secret\n", "set", "TOKEN").want(t, exitFine, "kept TOKEN in the keyring of the system")
	for _, shown := range []ran{r, variableCommand(t, "", "list").want(t, exitFine, "TOKEN", "keyring"), variableCommand(t, "", "list", "--json").want(t, exitFine, `{"name":"TOKEN","kept":"keyring"}`)} {
		if strings.Contains(shown.out+shown.err, "marked-secret") {
			t.Errorf("got\n%s%s\nwant no value", shown.out, shown.err)
		}
	}
	folder := filepath.Join(home, ".config", "gatehouse")
	for _, name := range filesIn(t, folder) {
		if data, err := os.ReadFile(filepath.Join(folder, name)); err != nil || strings.Contains(string(data), "marked-secret") {
			t.Errorf("%s: got %s, %v; want a file without the value", name, data, err)
		}
	}
	if got := ring.items(t); len(got) != 1 {
		t.Errorf("got %v in the keyring, want one value", got)
	}
	configFile(t, home, "gatehouse.env", "TOKEN=plain\nOTHER=plain\n")
	variableCommand(t, "again", "set", "TOKEN").want(t, exitFine, "warning", "gatehouse.env sets TOKEN too")
	variableCommand(t, "", "list").want(t, exitFine, "OTHER", "counts more")
	if err := os.Remove(ring.items(t)[0]); err != nil {
		t.Fatal(err)
	}
	if r := variableCommand(t, "", "list").want(t, exitFine, "set it again: gatehouse variable set TOKEN"); strings.Contains(r.out, "plain") {
		t.Errorf("got\n%s\nwant no value of the env file", r.out)
	}
	variableCommand(t, "", "remove", "TOKEN").want(t, exitFine, "removed TOKEN")
	variableCommand(t, "", "remove", "TOKEN").want(t, exitNo, `"TOKEN"`, "no such variable", "gatehouse variable list")
	if got := ring.items(t); len(got) != 0 {
		t.Errorf("got %v in the keyring, want nothing left", got)
	}
}

func filesIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestVariable_wrongUses(t *testing.T) {
	freshHome(t)
	ring := newFolderRing(t)
	variableCommand(t, "x", "set").want(t, exitUsage)
	variableCommand(t, "x", "set", "A", "marked-secret").want(t, exitUsage)
	variableCommand(t, "x", "set", "1A").want(t, exitUsage, "not the name of a variable")
	if r := variableCommand(t, "x", "set", "A=marked-secret").want(t, exitUsage, "standard input"); strings.Contains(r.out+r.err, "marked-secret") {
		t.Errorf("got %s%s, want nothing of the value", r.out, r.err)
	}
	for _, place := range []string{"userHome", "workspaceFolder"} {
		variableCommand(t, "x", "set", place).want(t, exitUsage, "${"+place+"}", "never be used")
	}
	for in, want := range map[string]string{"\n": "empty", "a\x00b": "NUL", "\xff": "UTF-8", strings.Repeat("x", 64<<10+1): "more than 65536 bytes"} {
		variableCommand(t, in, "set", "A").want(t, exitNo, want)
	}
	ring.turn(t, "locked", true)
	variableCommand(t, "x", "set", "A").want(t, exitNo, "the collection is locked")
	ring.turn(t, "locked", false)
	if got := ring.items(t); len(got) != 0 {
		t.Errorf("got %v in the keyring, want nothing", got)
	}
	t.Setenv(parentVariable, "1")
	variableCommand(t, "x", "set", "A").want(t, exitNo, "started by a server of a gateway")
	variableCommand(t, "", "remove", "A").want(t, exitNo, "started by a server of a gateway")
}

// keyringGateway is a gateway whose variables this process changes.
func keyringGateway(t *testing.T, before func(folderRing)) (*testkit.Gateway, folderRing) {
	t.Helper()
	ring := newFolderRing(t)
	if before == nil {
		before = func(folderRing) {}
	}
	servers := testkit.Servers{"needs": testkit.Fake(t), "other": testkit.Fake(t)}
	servers["needs"]["env"] = map[string]string{"KEY": "${TOKEN}"}
	servers["broken"] = testkit.Fake(t)
	servers["broken"]["env"] = map[string]string{"KEY": "${GATEHOUSE_TEST_NOWHERE}"}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Rules: testkit.AllowAll("a"), Args: quick, Race: true,
		Env: []string{folderRingVariable + "=" + string(ring)},
		Before: func(dir string) {
			t.Setenv("HOME", dir)
			t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
			before(ring)
		},
	})
	return g, ring
}

// keyOf is the variable that a server has got.
func keyOf(t *testing.T, g *testkit.Gateway) string {
	t.Helper()
	return g.Agent(t, "a").Execute(t, "needs", "env", map[string]any{"name": "KEY"}).Text
}

// A server waits for a variable, gets it as soon as it is set, each new value in turn,
// and is misconfigured again once it is removed. No value is in the log.
func TestVariable_reachesARunningGateway(t *testing.T) {
	g, _ := keyringGateway(t, nil)
	g.Await(t, "server misconfigured", "server", "needs")
	g.Await(t, "server ready", "server", "other")
	for _, value := range []string{"marked-one", "marked-two"} {
		mark := g.Log.Len()
		variableCommand(t, value, "set", "TOKEN").want(t, exitFine)
		g.AwaitFrom(t, mark, "config applied", "role", "keyring")
		g.AwaitFrom(t, mark, "server ready", "server", "needs")
		if got := keyOf(t, g); got != value {
			t.Errorf("got %q, want %q", got, value)
		}
	}
	operate(t, g, "status", "--json").want(t, exitFine, `"role":"keyring"`)
	mark := g.Log.Len()
	variableCommand(t, "", "remove", "TOKEN").want(t, exitFine)
	g.AwaitFrom(t, mark, "server misconfigured", "server", "needs")
	if g.Count(0, "server ready", "server", "other") != 1 {
		t.Error("got another start of the server that needs no variable, want it left alone")
	}
	for _, l := range g.Log.Lines() {
		if strings.Contains(l.Raw, "marked-") {
			t.Errorf("got %s, want no value in the log", l.Raw)
		}
	}
}

// While the keyring is locked only the server that needs it is misconfigured; it says why
// and what to do, and that helps: "reload", or "restart" of the server.
func TestVariable_ofALockedKeyring(t *testing.T) {
	for state, cure := range map[string][]string{"silent": {"reload"}, "locked": {"restart", "needs"}} {
		t.Run(state+", "+cure[0], func(t *testing.T) {
			g, ring := keyringGateway(t, func(ring folderRing) {
				variableCommand(t, "marked-one", "set", "TOKEN").want(t, exitFine)
				ring.turn(t, state, true)
			})
			g.Await(t, "server ready", "server", "other")
			if n := g.Count(0, "using file", "role", "keyring"); n != 1 {
				t.Errorf("the log names the list %d times at the start, want once", n)
			}
			operate(t, g, "status", "needs").want(t, exitFine, "variable TOKEN is in the keyring of the system", "locked", "gatehouse reload")
			operate(t, g, "restart", "needs").want(t, exitNo, "locked")
			before := ring.asked(t)
			operate(t, g, "restart", "broken").want(t, exitNo, "GATEHOUSE_TEST_NOWHERE")
			if n := ring.asked(t) - before; n != 0 {
				t.Errorf("got %d questions for a server that lacks nothing of the keyring, want none", n)
			}
			ring.turn(t, state, false)
			operate(t, g, cure...).want(t, exitFine)
			g.Await(t, "server ready", "server", "needs")
			if got := keyOf(t, g); got != "marked-one" {
				t.Errorf("got %q, want the value", got)
			}
			ring.turn(t, state, true) // What it has given once counts on.
			mark := g.Log.Len()
			operate(t, g, "reload").want(t, exitFine)
			if n := g.Count(mark, "server misconfigured"); n != 0 {
				t.Errorf("got %d servers misconfigured when the keyring was locked again, want none", n)
			}
		})
	}
}

// What reads the files for one moment asks the keyring as well.
func TestVariable_isSeenByValidateAndDoctor(t *testing.T) {
	home, _ := freshHome(t)
	ring := newFolderRing(t)
	configFile(t, home, ".mcp.json", `{"mcpServers": {"a": {"command": "true", "env": {"A": "${TOKEN}"}}}}`)
	configFile(t, home, ".mcp-gateway-rules.json", `{"agents": {"a": {"allow": {"servers": ["a"]}}}}`)
	atHome(t, "validate").want(t, exitFine, "server-misconfigured")
	variableCommand(t, "marked-one", "set", "TOKEN").want(t, exitFine)
	for _, args := range [][]string{{"validate"}, {"doctor"}} {
		if r := atHome(t, args...); strings.Contains(r.out, "TOKEN") || strings.Contains(r.out, "marked") {
			t.Errorf("%v: got\n%s\nwant the variable found", args, r.out)
		}
	}
	ring.turn(t, "locked", true)
	atHome(t, "validate").want(t, exitFine, "server-misconfigured", "once it answers")
	if r := atHome(t, "doctor"); !strings.Contains(r.out, "once it answers") || !strings.Contains(r.out, "unlock the keyring") {
		t.Errorf("doctor: got\n%s\nwant that the keyring is locked", r.out)
	}
	configFile(t, home, "gatehouse.keyring", "TOKEN\n")
	atHome(t, "validate").want(t, exitNo, "keyring-bad-line")
}

// The gateway that clients share asks the keyring too, whoever has started it.
func TestVariable_ofTheSharedGateway(t *testing.T) {
	t.Setenv("GATEHOUSE_TEST_RACE", "1") // The gateway is this program: no other one knows the keyring of tests.
	servers := testkit.Servers{"needs": testkit.Fake(t), "locked": testkit.Fake(t)}
	servers["needs"]["env"] = map[string]string{"KEY": "${TOKEN:-none}"}
	servers["locked"]["env"] = map[string]string{"KEY": "${GONE:-none}"}
	p := newPerson(t, servers, testkit.AllowAll("a"))
	ring := newFolderRing(t)
	p.env = append(p.env, folderRingVariable+"="+string(ring))
	if err := os.WriteFile(filepath.Join(p.config, "gatehouse.keyring"), []byte("TOKEN X1\nGONE X2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ring.Set("variable X1", "marked-one"); err != nil {
		t.Fatal(err)
	}
	a := p.open(t)
	id := a.call(t, "needs", "env", `{"name":"KEY"}`)
	if got := a.answer(t, id); got.IsError || !strings.Contains(got.raw, "marked-one") {
		t.Errorf("got %s, want the value that the keyring has", got.raw)
	}
	id = a.call(t, "locked", "env", `{"name":"KEY"}`)
	if got := a.answer(t, id); !got.IsError || !strings.Contains(got.raw, "misconfigured") {
		t.Errorf("got %s, want that the server lacks what the keyring has", got.raw)
	}
	if log := p.log(t); !strings.Contains(log, "variable GONE is in the keyring of the system") {
		t.Errorf("got the log\n%s\nwant why", log)
	}
}

// A login expands the address of its server with the same variables as a gateway.
func TestVariable_isUsedByLogin(t *testing.T) {
	home, _ := freshHome(t)
	ring := newFolderRing(t)
	configFile(t, home, ".mcp.json", `{"mcpServers": {"a": {"url": "https://h.example.com/${PLACE}"}}}`)
	configFile(t, home, ".mcp-gateway-rules.json", someRules)
	variableCommand(t, "marked", "set", "PLACE").want(t, exitFine)
	entries, err := (&fileOptions{}).readEntries(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if target, err := entries.target("a"); err != nil || !strings.HasSuffix(target.URL, "/marked") {
		t.Errorf("got %s, %v; want the address with the value of the keyring", target.URL, err)
	}
	ring.turn(t, "locked", true)
	if r := atHome(t, "login", "a"); r.code == exitFine || !strings.Contains(r.err, "the collection is locked") {
		t.Errorf("got %d and\n%s\nwant that the keyring is locked", r.code, r.err)
	}
}

// A gateway of a fleet has its files in the store, and its variables on its machine. Its
// reload reports the list as well, if there is one.
func TestVariable_ofAFleet(t *testing.T) {
	home, _ := freshHome(t)
	list := filepath.Join(locate.ConfigFolder(locate.ConfigDir(runtime.GOOS, noVariables, home)), "gatehouse.keyring")
	found, err := (&runOptions{fleet: fleetOptions{name: "f"}}).findForRun()
	if err != nil {
		t.Fatal(err)
	}
	if got := found.sources(false, "", nil).KeyringFile; got != list {
		t.Errorf("got the list %q, want %q", got, list)
	}
	o := &operator{files: found}
	if slices.Contains(o.watched(), list) {
		t.Error("a reload waits for a list that is not there, want that it ends")
	}
	newFolderRing(t)
	variableCommand(t, "x", "set", "A").want(t, exitFine)
	if !slices.Contains(o.watched(), list) {
		t.Errorf("a reload waits for %v, want the list among them", o.watched())
	}
}
