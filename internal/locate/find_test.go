package locate_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
)

// place is a Place where the given files exist.
func place(files ...string) locate.Place {
	return locate.Place{
		WorkDir: root, ConfigDir: in("../.config"), HomeDir: in(".."),
		Exists: func(path string) bool { return slices.Contains(files, path) },
	}
}

func TestFind_order(t *testing.T) {
	all := []string{
		in(".mcp.json"), in(".mcp-gateway-rules.json"), in("gateway-rules.json"),
		in("../.config/gatehouse/.mcp.json"), in("../.config/gatehouse/.mcp-gateway-rules.json"),
	}
	const inConfig, inProject = "found in the config directory", "found in the working directory, and approved"
	cases := map[string]struct {
		flag, env      string
		here, approved bool
		files          []string
		servers, rules string
		why            string
	}{
		"the flag wins":                    {flag: "f.json", env: "/e.json", here: true, approved: true, files: all, servers: in("f.json"), rules: in("f.json"), why: "flag"},
		"then --here":                      {env: "~/e.json", here: true, files: all, servers: all[0], rules: all[1], why: "--here"},
		"then the environment":             {env: "~/e.json", approved: true, files: all, servers: in("../e.json"), rules: in("../e.json"), why: "env"},
		"then approved files":              {approved: true, files: all, servers: all[0], rules: all[1], why: inProject},
		"the rules' second name":           {approved: true, files: []string{all[0], all[2], all[3], all[4]}, servers: all[0], rules: all[2], why: inProject},
		"others are passed over":           {files: all, servers: all[3], rules: all[4], why: inConfig},
		"the config directory alone":       {files: all[3:], servers: all[3], rules: all[4], why: inConfig},
		"a whole path is taken as it is":   {flag: in("x/../y.json"), servers: in("y.json"), rules: in("y.json"), why: "flag"},
		"a variable may say a whole path":  {env: in("x/../y.json"), servers: in("y.json"), rules: in("y.json"), why: "env"},
		"a file that is named may be gone": {env: in("gone.json"), files: all, servers: in("gone.json"), rules: in("gone.json"), why: "env"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := place(c.files...)
			p.Flag, p.Env, p.Here, p.Approved = c.flag, c.env, c.here, c.approved
			servers, err := locate.FindServers(p)
			if err != nil {
				t.Fatal(err)
			}
			rules, err := locate.FindRules(p)
			if err != nil {
				t.Fatal(err)
			}
			why := map[string][2]string{"flag": {"--mcp-config", "--rules"}, "env": {"GATEWAY_MCP_CONFIG", "GATEWAY_RULES"}}[c.why]
			if why[0] == "" {
				why = [2]string{c.why, c.why}
			}
			editable := c.why == "--here"
			if want := (locate.Found{Path: c.servers, Why: why[0], Relative: c.flag == "f.json"}); servers != want {
				t.Errorf("servers: got %+v, want %+v", servers, want)
			}
			if want := (locate.Found{Path: c.rules, Why: why[1], Editable: editable, Relative: c.flag == "f.json"}); rules != want {
				t.Errorf("rules: got %+v, want %+v", rules, want)
			}
		})
	}
}

// Servers of one place under rules of another would be a mixture that nobody
// has looked at.
func TestFind_here_takesNothingFromElsewhere(t *testing.T) {
	p := place(in(".mcp.json"), in("../.config/gatehouse/.mcp.json"), in("../.config/gatehouse/.mcp-gateway-rules.json"))
	p.Here, p.Env = true, in("e.json")
	if got, err := locate.FindRules(p); err == nil || !strings.Contains(err.Error(), in("gateway-rules.json")) {
		t.Errorf("got %+v, %v; want an error that names %s", got, err, in("gateway-rules.json"))
	}
}

// A client starts the gateway in any folder, a cloned repository too.
func TestFind_aRelativePath_isTakenWithAWarning(t *testing.T) {
	for path, want := range map[string]string{".mcp.json": in(".mcp.json"), "../x.json": in("../x.json"), "~x/y.json": in("~x/y.json")} {
		for why, p := range map[string]locate.Place{"GATEWAY_RULES": {Env: path}, "--rules": {Flag: path}} {
			p.WorkDir, p.HomeDir = root, in("..")
			got, err := locate.FindRules(p)
			if err != nil || got.Path != want {
				t.Errorf("%s %s: got %+v, %v, want %s", why, path, got, err, want)
			}
			if problems := got.Problems(); len(problems) != 1 || problems[0].Code != "relative-path" || !strings.Contains(problems[0].Message, why) {
				t.Errorf("%s %s: got %v, want a warning that names it", why, path, problems)
			}
		}
	}
	for _, path := range []string{in("x.json"), "~/x.json"} {
		p := place()
		p.Env = path
		if got, _ := locate.FindRules(p); len(got.Problems()) > 0 {
			t.Errorf("%s: got %v, want no warning", path, got.Problems())
		}
	}
}

func TestFind_nothing_saysWhatWasTriedAndWhatToDo(t *testing.T) {
	old := []string{in("../.config/agent-mcp-gateway/.mcp.json"), in("config/gateway-rules.json")}
	_, err := locate.FindRules(place(old...))
	text := err.Error()
	for _, want := range []string{
		"rules file", "--rules", "GATEWAY_RULES",
		in("../.config/gatehouse/.mcp-gateway-rules.json"), old[1], "gatehouse init",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	if strings.Contains(text, old[0]) {
		t.Errorf("the servers file must not be named for rules:\n%s", text)
	}
	_, err = locate.FindServers(place(old...))
	if text := err.Error(); !strings.Contains(text, old[0]) || strings.Contains(text, old[1]) {
		t.Errorf("got %s\nwant %s named, and not %s", text, old[0], old[1])
	}
	if _, err := locate.FindServers(place()); strings.Contains(err.Error(), "there is") {
		t.Errorf("names files that are not there:\n%v", err)
	}
}

func TestFind_whereVariablesAreNotHeeded_namesNone(t *testing.T) {
	p := place()
	p.Unheeded, p.Env = true, in("elsewhere")
	for name, find := range map[string]func(locate.Place) (locate.Found, error){"servers": locate.FindServers, "rules": locate.FindRules} {
		if found, err := find(p); err == nil || strings.Contains(err.Error(), "GATEWAY_") {
			t.Errorf("%s: got %+v %v, want that nothing is found, and no variable named", name, found, err)
		}
	}
}

func TestFind_nothingButFilesThatNobodyApproved_saysHowToUseThem(t *testing.T) {
	p := place(in("gateway-rules.json"))
	p.WhyNot = "it has changed"
	_, err := locate.FindRules(p)
	for _, want := range []string{in("gateway-rules.json"), "it has changed", "gatehouse trust " + root, "--here"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}

func TestFind_rulesThatAgentsCanEdit_giveAWarning(t *testing.T) {
	p := place(in("gateway-rules.json"))
	p.Here = true
	found, err := locate.FindRules(p)
	if err != nil {
		t.Fatal(err)
	}
	problems := found.Problems()
	if len(problems) != 1 || problems[0].Code != "rules-in-working-directory" || problems[0].Severity != jsondoc.Warning {
		t.Errorf("got %v, want one warning: rules-in-working-directory", problems)
	}
	p.Flag = in("gateway-rules.json")
	if found, _ := locate.FindRules(p); len(found.Problems()) != 0 {
		t.Error("a file that the user named gives the warning")
	}
}

func TestResolvePath_withoutAHome_refusesTilde(t *testing.T) {
	if got, err := locate.ResolvePath("~/x", root, ""); err == nil {
		t.Errorf("got %s, want an error", got)
	}
	if got, err := locate.ResolvePath("./~/x", root, ""); err != nil || got != in("~/x") {
		t.Errorf("got %s, %v, want %s", got, err, in("~/x"))
	}
}

func TestConfigDir_andStateDir(t *testing.T) {
	abs := in("xdg")
	cases := map[string]struct {
		goos, home    string
		vars          map[string]string
		config, state string
	}{
		"linux, by default":               {"linux", root, nil, in(".config"), in(".local/state")},
		"macOS, the same":                 {"darwin", root, nil, in(".config"), in(".local/state")},
		"as XDG says":                     {"linux", root, map[string]string{"XDG_CONFIG_HOME": abs, "XDG_STATE_HOME": abs}, abs, abs},
		"XDG wants absolute paths":        {"linux", root, map[string]string{"XDG_CONFIG_HOME": "x", "XDG_STATE_HOME": "x"}, in(".config"), in(".local/state")},
		"windows":                         {"windows", root, map[string]string{"APPDATA": abs, "LOCALAPPDATA": in("l"), "XDG_CONFIG_HOME": in("no")}, abs, in("l")},
		"windows without its variables":   {"windows", root, nil, in("AppData/Roaming"), in("AppData/Local")},
		"nobody's home is nowhere":        {"linux", "", nil, "", ""},
		"without a home XDG still counts": {"linux", "", map[string]string{"XDG_CONFIG_HOME": abs}, abs, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			getenv := func(name string) string { return c.vars[name] }
			if got := locate.ConfigDir(c.goos, getenv, c.home); got != c.config {
				t.Errorf("config: got %q, want %q", got, c.config)
			}
			if got := locate.StateDir(c.goos, getenv, c.home); got != c.state {
				t.Errorf("state: got %q, want %q", got, c.state)
			}
		})
	}
}

func TestFind_withoutAConfigDir_looksNowhere(t *testing.T) {
	p := place()
	p.ConfigDir, p.HomeDir = "", ""
	p.Exists = func(path string) bool { return filepath.Base(path) == path }
	_, err := locate.FindServers(p)
	if got, want := strings.Count(err.Error(), "\n  "), 2; got != want {
		t.Errorf("got %d places, want %d: %v", got, want, err)
	}
}

// root is an absolute folder that need not exist.
var root, _ = filepath.Abs(filepath.FromSlash("/home/ann/project"))

// in returns a path below root.
func in(below string) string { return filepath.Join(root, filepath.FromSlash(below)) }

func TestFolders_ofASystemdService_areItsOwn(t *testing.T) {
	if filepath.Separator != '/' {
		t.Skip("there is no systemd")
	}
	vars := map[string]string{
		"STATE_DIRECTORY": "/var/lib/gatehouse:/var/lib/more", "RUNTIME_DIRECTORY": "/run/gatehouse", "LOGS_DIRECTORY": "/var/log/gatehouse",
		"XDG_STATE_HOME": "/xdg", "XDG_RUNTIME_DIR": "/run/user/1",
	}
	getenv := func(name string) string { return vars[name] }
	if got, want := locate.StateFolder("linux", getenv, "/home/a"), "/var/lib/gatehouse"; got != want {
		t.Errorf("state: got %q, want %q", got, want)
	}
	if got, want := locate.LogsFolder("linux", getenv, "/home/a"), "/var/log/gatehouse"; got != want {
		t.Errorf("logs: got %q, want %q", got, want)
	}
	want := []string{"/run/gatehouse/run", "/run/user/1/gatehouse", "/var/lib/gatehouse/run"}
	if got := locate.RuntimeFolders("linux", getenv, "/home/a"); !slices.Equal(got, want) {
		t.Errorf("runtime: got %q, want %q", got, want)
	}
	vars = map[string]string{"STATE_DIRECTORY": "relative", "LOGS_DIRECTORY": ""}
	if got, want := locate.LogsFolder("linux", getenv, "/home/a"), "/home/a/.local/state/gatehouse"; got != want {
		t.Errorf("without systemd: got %q, want %q", got, want)
	}
	if got := locate.StateFolder("linux", getenv, ""); got != "" {
		t.Errorf("without a home: got %q, want nothing", got)
	}
	if got := locate.RuntimeFolders("linux", getenv, ""); len(got) != 0 {
		t.Errorf("without a home: got %q, want nothing", got)
	}
}
