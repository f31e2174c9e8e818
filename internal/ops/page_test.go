package ops_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/jsondoc"
)

// hostile is what a server might call itself, or write.
const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>` + "\x1b[31m\u202eevil\u0000 javascript:alert(1)"

var fieldValue = regexp.MustCompile(` value="[^"]*"`)

// quiet is a logger whose records only the ring keeps.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// hostileDesk serves a gateway in which every text is hostile.
func hostileDesk(t *testing.T) *desk {
	t.Helper()
	at := time.Unix(1_790_000_000, 0)
	d := open(t, nil, admin.ServerStatus{
		Name: hostile, Actor: hostile, State: "quarantined", Reason: hostile, NextAttempt: &at, Suspects: []string{hostile}, LastGood: &at,
		Blocks: []admin.Block{{Agent: hostile, Origin: hostile, Tool: hostile, Reason: hostile}}, Protocol: hostile,
	})
	g := d.gateway
	g.detail = admin.ServerDetail{
		Command: []string{hostile, hostile}, Env: []string{hostile}, URL: hostile, Position: hostile,
		Output:  []admin.OutputLine{{At: at, Line: hostile, Stream: "stdout"}},
		History: []admin.ServerEvent{{At: at, Event: hostile, Details: hostile}},
		Crashes: []admin.Crash{{At: at, Reason: hostile, Calls: []endpoint.Call{{ID: hostile, Agent: hostile, Tool: hostile}}, Stderr: []string{hostile}}},
	}
	g.tools = []admin.Tool{{Name: hostile, Annotations: hostile}}
	g.reloads = []admin.Report{{File: hostile, Outcome: "rejected", Problems: []jsondoc.Problem{{File: hostile, Message: hostile, Hint: hostile, Path: hostile, Severity: jsondoc.Error}}}}
	g.access = admin.Access{Agents: []string{hostile}, Servers: []string{hostile}, Cells: [][]admin.Reach{{{Allow: true}}}}
	g.ring.Tee(quiet()).Warn(hostile, slog.String("server", hostile), slog.String(hostile, hostile))
	return d
}

func TestPage_hostileTexts_areShownAndDoNothing(t *testing.T) {
	d := hostileDesk(t)
	query := "name=" + strings.NewReplacer("%", "%25", " ", "%20", "<", "%3C", ">", "%3E", `"`, "%22", "'", "%27", "\x1b", "%1B", "\x00", "%00", "\u202e", "%E2%80%AE").Replace(hostile)
	for _, path := range []string{"/", "/server?" + query, "/reloads", "/rules?server=" + query + "&agent=" + query, "/log?level=debug&text=&server=", "/bundle"} {
		a := d.get(path)
		if a.status != http.StatusOK {
			t.Errorf("%s: got %d, want 200: %s", path, a.status, a.body)
		}
		text := fieldValue.ReplaceAllString(a.body, "") // What a form sends back is as it is.
		if path == "/bundle" {                          // A text area, of JSON.
			text = strings.ReplaceAll(text, html.EscapeString(`\u003c`), "")
		}
		for _, bad := range []string{"<script>alert", "<img src=x", "\x1b", "\u202e", "\x00", `href="javascript`} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: got %q in the page, want it escaped", path, bad)
			}
		}
		if !strings.Contains(text, "alert(1)") {
			t.Errorf("%s does not show the text, want it escaped", path)
		}
	}
}

func TestPage_views_showWhatTheStatusSays(t *testing.T) {
	d := open(t, nil, admin.ServerStatus{Name: "db", State: "backing-off", Reason: "exit status 3", Run: 4, PID: 77})
	d.gateway.detail = admin.ServerDetail{
		Command: []string{"npx", "-y", "pkg"}, Env: []string{"TOKEN"}, Headers: []string{"Authorization"}, Position: "/c/.mcp.json:3:5", Fingerprint: "abcdef012345",
		Crashes: []admin.Crash{{Reason: "exit status 3", InFlight: 1, Calls: []endpoint.Call{{ID: "c-1", Agent: "alice", Tool: "query"}}}},
	}
	d.gateway.tools = []admin.Tool{{Name: "query", Tokens: 42}}
	for path, want := range map[string][]string{
		"/":               {"1 server: 1 backing-off", "Needs attention", "exit status 3", "journal"},
		"/server?name=db": {"exit status 3", "alice", "query", "42", `&#34;TOKEN&#34;: &#34;…&#34;`, "/c/.mcp.json:3:5", "abcdef012345", "Restart db", "Hold db", "Release db"},
		"/reloads":        {"Read all files now"},
		"/rules":          {"Who may use what", "Explain"},
		"/log":            {"From level"},
		"/bundle":         {"&#34;trouble&#34;"},
	} {
		a := d.get(path)
		for _, w := range want {
			if !strings.Contains(a.body, w) {
				t.Errorf("%s (%d) lacks %q:\n%s", path, a.status, w, a.body)
			}
		}
	}
	if a := d.get("/server?name=none"); a.status != http.StatusNotFound {
		t.Errorf("a server that is not there: got %d, want 404", a.status)
	}
}

// follow opens the stream of a page.
func (d *desk) follow(path string) (next func() (kind, id, html string)) {
	d.Helper()
	_, live, found := strings.Cut(d.get(path).body, `data-live="`)
	if !found {
		d.Fatalf("%s is not live, want it to be", path)
	}
	live, _, _ = strings.Cut(live, `"`)
	req, err := http.NewRequestWithContext(d.Context(), http.MethodGet, d.url+html.UnescapeString(live), nil)
	if err != nil {
		d.Fatal(err)
	}
	transport := &http.Transport{}
	resp, err := transport.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		d.Fatalf("%s: got %v, %v, want a stream", live, resp, err)
	}
	d.Cleanup(func() { _ = resp.Body.Close(); transport.CloseIdleConnections() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func() (kind, id, html string) {
		d.Helper()
		for lines.Scan() {
			if word, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				kind = word
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var f struct{ ID, HTML string }
				if err := json.Unmarshal([]byte(data), &f); err != nil {
					d.Fatal(err)
				}
				return kind, f.ID, f.HTML
			}
		}
		d.Fatalf("the stream has ended: %v", lines.Err())
		return "", "", ""
	}
}

func TestLive_change_sendsThePartThatChangedAndNoOther(t *testing.T) {
	d := open(t, nil, admin.ServerStatus{Name: "one", State: "ready"}, admin.ServerStatus{Name: "two", State: "ready"})
	next := d.follow("/")
	seen := map[string]bool{}
	for range 4 {
		_, id, _ := next()
		seen[id] = true
	}
	if len(seen) != 4 || !seen["servers"] || !seen["summary"] {
		t.Errorf("at first: got %v, want all four parts", seen)
	}
	d.gateway.set(func(st *admin.Status) { st.Servers[1].State, st.Servers[1].Reason = "backing-off", "exit status 9" })
	row := ""
	for row == "" {
		_, id, html := next()
		if id == "servers" || strings.Contains(html, ">one<") {
			t.Errorf("got %s: %s, want nothing about the server that goes on", id, html)
		}
		if strings.HasPrefix(id, "s-") {
			row = html
		}
	}
	if !strings.Contains(row, "exit status 9") {
		t.Errorf("got %s, want the reason", row)
	}
	d.gateway.set(func(st *admin.Status) { st.Servers = st.Servers[:1] })
	for id := ""; id != "servers"; {
		_, id, _ = next()
	}
}

func TestLive_log_sendsTheLinesThatFitTheFilter(t *testing.T) {
	d := open(t, nil)
	next := d.follow("/log?level=warn&server=db&text=needle")
	log := d.gateway.ring.Tee(quiet())
	log.Info("needle, but of a low level", slog.String("server", "db"))
	log.Warn("needle of another server", slog.String("server", "web"))
	log.Warn("something else", slog.String("server", "db"))
	log.Warn("a Needle", slog.String("server", "db"), slog.Int("n", 7))
	kind, id, html := next()
	if kind != "line" || id != "log" || !strings.Contains(html, "a Needle") || strings.Count(html, "<li") != 1 {
		t.Errorf("got %s %s: %s, want the one line that fits", kind, id, html)
	}
}

func TestLive_pageOfAnotherProcess_isToldToReload(t *testing.T) {
	d := open(t, nil)
	a := d.get("/live?view=tree&of=an-earlier-one")
	if !strings.HasPrefix(a.body, "event: away\n") {
		t.Errorf("got %s, want it to be told", a.body)
	}
}

func TestLive_readersBeyondTheBound_areRefused(t *testing.T) {
	d := open(t, nil)
	for range 32 {
		d.follow("/")()
	}
	if a := d.get("/live?view=tree&of=abc"); a.status != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", a.status)
	}
}

func TestPage_500servers_isOnePage(t *testing.T) {
	var servers []admin.ServerStatus
	for i := range 500 {
		servers = append(servers, admin.ServerStatus{Name: fmt.Sprintf("server-%03d", i), State: "ready"})
	}
	d := open(t, nil, servers...)
	a := d.get("/")
	if n := strings.Count(a.body, `class="server"`); n != 500 || len(a.body) > 1<<20 {
		t.Errorf("got %d rows in %d bytes, want 500 in less than 1 MiB", n, len(a.body))
	}
}

func TestPage_ofToolChanges_quotesTheNameInTheCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its shells quote otherwise")
	}
	for name, want := range map[string]string{"a&b": "gatehouse tools 'a&b' --changes", "-x": "gatehouse tools --changes -- -x"} {
		d := open(t, nil, admin.ServerStatus{Name: name, State: "ready", ToolChanges: 1})
		for _, path := range []string{"/", "/server?name=" + url.QueryEscape(name)} {
			if got := html.UnescapeString(d.get(path).body); !strings.Contains(got, "see "+want) {
				t.Errorf("%s: got\n%s\nwant %s in it", path, got, want)
			}
		}
	}
}
