//go:build unix

package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
	"gatehouse/testkit/browser"
)

// pageWorld is a gateway with servers in all kinds of states, and a browser at
// the operators' page.
func pageWorld(t *testing.T, screen browser.Options, more testkit.Servers) (*testkit.Gateway, *browser.Page) {
	t.Helper()
	b := browser.Start(t, screen)
	servers := testkit.Servers{
		"github":     testkit.Fake(t, "--tools", "create_issue,list_issues,get_file,search_code").With("env", map[string]string{"GITHUB_TOKEN": "not-to-be-shown"}),
		"filesystem": testkit.Fake(t, "--tools", "read_file,write_file,list_directory"),
		"postgres":   testkit.Fake(t, "--tools", "query,explain"),
		"memory":     testkit.Fake(t).Settings("start", "lazy"),
		"search":     testkit.Fake(t, "--tools", "web_search"),
		"jira":       {"command": "no-such-program-jira-mcp"},
		"slack":      testkit.Fake(t, "--tools", "post_message"),
	}
	maps.Copy(servers, more)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Env: []string{testkit.Built(t)}, Args: []string{"--ops", "127.0.0.1:0", "--debounce", "50ms"},
		Rules: testkit.Rules{
			"claude-code": {Allow: []string{"*"}},
			"ci":          {Allow: []string{"github", "filesystem"}, Tools: testkit.Tools{"github": {"list_issues", "get_file"}}},
		}.JSON(),
	})
	for _, name := range []string{"github", "filesystem", "postgres", "search", "slack"} {
		g.Await(t, "server ready", "server", name)
	}
	g.Await(t, "server quarantined", "server", "jira")
	p, _ := b.Open(t, strings.TrimSpace(operate(t, g, "ops", "open")))
	p.Wait(t, "h1", "Actor tree")
	return g, p
}

// calm fails if the page complained, asked anybody else or showed a dialog.
func calm(t *testing.T, p *browser.Page) {
	t.Helper()
	seen := p.Seen(t)
	if len(seen.Complaints) > 0 || seen.Dialog != "" {
		t.Errorf("the page: got %q, dialog %q; want nothing to complain of", seen.Complaints, seen.Dialog)
	}
	for _, request := range seen.Requests {
		if !strings.Contains(request, " http://127.0.0.1:") {
			t.Errorf("got %s, want no request that leaves the machine", request)
		}
	}
}

// shot keeps a screenshot in the folder that GATEHOUSE_SHOTS names, to look at;
// "tree" is docs/page.png.
func shot(t *testing.T, p *browser.Page, name string) {
	t.Helper()
	dir := os.Getenv("GATEHOUSE_SHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), p.Screenshot(t, true), 0o600); err != nil {
		t.Error(err)
	}
}

// rowOf is the selector of a server's row in the tree.
func rowOf(server string) string { return fmt.Sprintf(`tr.server:has(a.name:text-is(%q))`, server) }

func TestPage_everyViewAndButton_worksAndIsAccessible(t *testing.T) {
	g, p := pageWorld(t, browser.Options{}, nil)
	claude := g.Agent(t, "claude-code")
	for range 5 {
		claude.Execute(t, "github", "list_issues", nil)
		claude.Execute(t, "postgres", "query", nil)
	}
	claude.Execute(t, "postgres", "stderr", map[string]any{"line": "connection to db-1 lost"})
	claude.Execute(t, "postgres", "crash", map[string]any{"code": 3})
	p.Wait(t, "#attention", "jira")
	p.Wait(t, rowOf("postgres"), "ready")
	shot(t, p, "tree")
	views := []struct{ link, heading, name string }{
		{"Log", "Log", "log"}, {"Reloads", "Reloads", "reloads"}, {"Rules", "Rules", "rules"}, {"Bundle", "Bundle", "bundle"}, {"Tree", "Actor tree", "tree"},
	}
	for _, v := range views {
		p.Click(t, fmt.Sprintf("nav a:text-is(%q)", v.link))
		p.Wait(t, "h1", v.heading)
		axe(t, p, v.name)
		shot(t, p, v.name)
	}

	p.Click(t, rowOf("postgres")+" a.name")
	p.Wait(t, "#server-crashes", "exit status 3")
	for selector, want := range map[string]string{
		"#server-crashes article:first-of-type li": "crash by claude-code", "#server-tools": "query", "#server-config": ".mcp.json:", "#server-history": "server crashed",
	} {
		p.Wait(t, selector, want)
	}
	axe(t, p, "server")
	shot(t, p, "server")

	press(t, p, "Hold", func() { p.Fill(t, "input[name=reason]", "a new schema") })
	p.Wait(t, ".did", "Held")
	p.Wait(t, "#server-state", "a new schema")
	shot(t, p, "held")
	if s := status(t, g)["postgres"]; s.State != "held" {
		t.Errorf("after Hold: got %s, want held", s.State)
	}
	press(t, p, "Release", nil)
	p.Wait(t, "#server-state .state", "ready")
	before := status(t, g)["postgres"].PID
	press(t, p, "Restart", nil)
	testkit.Eventually(t, "another process", func() bool {
		s := status(t, g)["postgres"]
		return s.State == "ready" && s.PID != before
	})
	p.Click(t, "nav a:text-is('Reloads')")
	p.Click(t, "button:text-is('Read all files now')")
	p.Wait(t, ".did", "All files have been read")

	p.Click(t, "nav a:text-is('Rules')")
	p.Fill(t, "input[name=agent]", "ci")
	p.Fill(t, "input[name=server]", "github")
	p.Fill(t, "input[name=name]", "create_issue")
	p.Click(t, "button:text-is('Explain')")
	p.Wait(t, ".verdict", "Denied")
	axe(t, p, "explain")
	shot(t, p, "explain")
	p.Fill(t, "input[name=agents]", "ci")
	p.Click(t, "form:has(input[name=agents]) button")
	if got, want := p.Texts(t, ".matrix thead th"), []string{"Server", "ci"}; !slices.Equal(got, want) {
		t.Errorf("the matrix: got %q, want %q", got, want)
	}
	p.Wait(t, ".matrix tr:has(a:text-is('github'))", "2 of")

	p.Click(t, "nav a:text-is('Bundle')")
	if text := p.HTML(t); strings.Contains(text, "not-to-be-shown") || !strings.Contains(text, "GITHUB_TOKEN") && !strings.Contains(text, "jira") {
		t.Errorf("the bundle: got a secret, or nothing of the servers: %.300s", text)
	}
	calm(t, p)
}

// press opens a button of a server's page, fills in its form and sends it.
func press(t *testing.T, p *browser.Page, label string, fill func()) {
	t.Helper()
	p.Click(t, fmt.Sprintf("summary:text-is(%q)", label))
	if fill != nil {
		fill()
	}
	p.Click(t, "details[open] button")
}

// axe fails if the page is hard to use for some.
func axe(t *testing.T, p *browser.Page, view string) {
	t.Helper()
	for _, v := range p.Axe(t) {
		t.Errorf("%s: axe found %s (%s): %s: %q, want nothing", view, v.ID, v.Impact, v.Help, v.Nodes)
	}
}

func TestPage_crash_showsWithinASecond(t *testing.T) {
	g, p := pageWorld(t, browser.Options{}, nil)
	p.Wait(t, "#live", "live")
	p.Eval(t, new(any), `(window.changed = 0, new MutationObserver(() => {
		const row = [...document.querySelectorAll("tr.server")].find((r) => r.dataset.text.startsWith("slack "));
		if (!window.changed && row && !row.dataset.text.endsWith("ready")) window.changed = Date.now();
	}).observe(document.querySelector("table.tree"), {subtree: true, childList: true, attributes: true}), 0)`)
	pid := status(t, g)["slack"].PID
	claude := g.Agent(t, "claude-code")
	began := time.Now()
	_, _ = claude.TryExecute(t.Context(), "slack", "crash", map[string]any{"code": 1})
	var at float64
	testkit.Eventually(t, "the row of the crashed server", func() bool {
		p.Eval(t, &at, "window.changed")
		return at > 0
	})
	t.Logf("the crash of process %d was on the page after %d ms", pid, int64(at)-began.UnixMilli())
	p.Wait(t, rowOf("slack"), "ready")
	calm(t, p)
}

func TestPage_hostileTexts_doNothing(t *testing.T) {
	const evil = `<script>alert('name')</script>`
	list := filepath.Join(t.TempDir(), "list.json")
	testkit.WriteAtomic(t, list, `{"tools":[{"name":"<img src=x onerror=alert('tool')>","description":"<script>alert('tool')</script>","inputSchema":{"type":"object"}}]}`)
	g, p := pageWorld(t, browser.Options{}, testkit.Servers{
		evil: testkit.Fake(t), `"><b id=injected>`: testkit.Fake(t, "--list", list),
	})
	g.Agent(t, "claude-code").Execute(t, evil, "stderr", map[string]any{"line": "<script>alert('line')</script>\x1b]0;title\a\u202e"})
	p.Wait(t, rowOf(evil), "ready")
	for _, link := range []string{"Log", "Reloads", "Rules", "Bundle", "Tree"} {
		p.Click(t, fmt.Sprintf("nav a:text-is(%q)", link))
		p.Wait(t, "h1", "")
	}
	p.Click(t, rowOf(evil)+" a.name")
	p.Wait(t, "h1", evil)
	p.Wait(t, "#server-output", "alert('line')")
	p.Click(t, "nav a:text-is('Tree')")
	p.Click(t, rowOf(`"><b id=injected>`)+" a.name")
	p.Wait(t, "#server-tools", "onerror")
	var injected int
	p.Eval(t, &injected, `document.querySelectorAll("#injected, main img, main script").length`)
	if injected != 0 {
		t.Errorf("got %d elements that a server made, want none", injected)
	}
	calm(t, p)
}

func TestPage_keyboardAlone_holdsAServer(t *testing.T) {
	g, p := pageWorld(t, browser.Options{}, nil)
	focused := func() string {
		var text string
		p.Eval(t, &text, `(document.activeElement.textContent || document.activeElement.id || "").trim()`)
		return text
	}
	tabTo := func(want string) {
		t.Helper()
		for range 60 {
			if focused() == want {
				return
			}
			p.Press(t, "Tab")
		}
		t.Fatalf("the focus never came to %q, the last was on %q", want, focused())
	}
	tabTo("slack")
	p.Press(t, "Enter")
	p.WaitURL(t, "**/server?name=slack")
	tabTo("Hold")
	p.Press(t, "Enter")
	tabTo("Hold slack")
	p.Press(t, "Enter")
	p.Wait(t, ".did", "Held")
	if s := status(t, g)["slack"]; s.State != "held" {
		t.Errorf("got %s, want held", s.State)
	}
}

func TestPage_foreignPage_canNeitherReadNorPress(t *testing.T) {
	g, p := pageWorld(t, browser.Options{}, nil)
	url := regexp.MustCompile(`^http://[^/]+`).FindString(p.URL(t))
	other := pages(t, goodPage)
	p.Goto(t, other)
	for what, script := range map[string]string{
		"read":   `fetch(%q).then((r) => r.text().then((t) => "read " + t.length), () => "refused")`,
		"press":  `fetch(%q + "/actions/hold", {method: "POST", mode: "no-cors", body: new URLSearchParams({server: "slack"})}).then(() => "sent", () => "refused")`,
		"follow": `new Promise((done) => { const s = new EventSource(%q + "/live?view=tree"); s.onopen = () => done("open"); s.onerror = () => { s.close(); done("refused") } })`,
	} {
		var got string
		p.Eval(t, &got, fmt.Sprintf(script, url+map[string]string{"read": "/"}[what]))
		if got != "refused" && got != "sent" {
			t.Errorf("%s from another page: got %q, want it refused", what, got)
		}
	}
	if s := status(t, g)["slack"]; s.State != "ready" {
		t.Errorf("after it: got %s, want ready", s.State)
	}
}

// unread lists the cells of the page's tables that have no heading in sight and no
// label, or one that stands on another line than what it is about.
const unread = `[...document.querySelectorAll("main td")].filter((cell) => {
	if (!cell.textContent.trim() || !cell.checkVisibility() || cell.querySelector(".state")) return false;
	const head = cell.closest("table").querySelectorAll("thead th")[[...cell.parentElement.children].indexOf(cell)];
	if (head?.getBoundingClientRect().width > 1) return false;
	const label = getComputedStyle(cell, "::before").content;
	const line = parseFloat(getComputedStyle(cell).lineHeight);
	return label === "none" || label === '""' || cell.getBoundingClientRect().height > 1.5 * line;
}).map((cell) => (cell.dataset.label || "?") + " " + cell.textContent.trim() + " of " + cell.parentElement.firstElementChild.textContent.trim())`

func TestPage_onAPhone_eachViewFitsAndEachNumberSaysWhatItIs(t *testing.T) {
	g, p := pageWorld(t, browser.Options{Width: 390, Height: 844, Phone: true}, nil)
	claude := g.Agent(t, "claude-code")
	claude.Execute(t, "postgres", "query", nil)
	claude.Execute(t, "postgres", "stderr", map[string]any{"line": "connection to db-1 lost"})
	claude.Execute(t, "postgres", "crash", map[string]any{"code": 3})
	p.Wait(t, rowOf("postgres"), "ready")
	base := regexp.MustCompile(`^http://[^/]+`).FindString(p.URL(t))
	for name, path := range map[string]string{
		"tree": "/", "server": "/server?name=postgres", "log": "/log", "reloads": "/reloads", "bundle": "/bundle",
		"rules": "/rules?agent=ci&server=github&name=create_issue",
	} {
		p.Goto(t, base+path)
		p.Wait(t, "h1", "")
		for _, dark := range []bool{false, true} {
			p.Dark(t, dark)
			shot(t, p, fmt.Sprintf("phone-%s-dark-%v", name, dark))
			axe(t, p, name)
		}
		var bare []string
		var wide int
		p.Eval(t, &bare, unread)
		p.Eval(t, &wide, `document.documentElement.scrollWidth - document.documentElement.clientWidth`)
		if len(bare) > 0 || wide > 0 {
			t.Errorf("%s: got %q without a label beside it, %d px wider than the screen; want neither", name, bare, wide)
		}
	}
	calm(t, p)
}

func TestPage_500servers_onAPhoneInTheDark(t *testing.T) {
	many := testkit.Servers{}
	for i := range 493 {
		many[fmt.Sprintf("server-%03d", i)] = testkit.Fake(t).Settings("start", "lazy")
	}
	_, p := pageWorld(t, browser.Options{Width: 390, Height: 844, Dark: true, Phone: true}, many)
	p.Wait(t, "#live", "live")
	var rows, wide int
	p.Eval(t, &rows, `document.querySelectorAll("tr.server").length`)
	p.Eval(t, &wide, `document.documentElement.scrollWidth - document.documentElement.clientWidth`)
	if rows != 500 || wide > 0 {
		t.Errorf("got %d rows, %d px wider than the screen; want 500 and none", rows, wide)
	}
	p.Fill(t, "#filter", "quarantined")
	p.Wait(t, "#filtered", "1 of 500")
	axe(t, p, "phone")
	p.Fill(t, "#filter", "")
	if dir := os.Getenv("GATEHOUSE_SHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "phone.png"), p.Screenshot(t, false), 0o600); err != nil {
			t.Error(err)
		}
	}
	calm(t, p)
}
