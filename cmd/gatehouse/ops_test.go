package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/audit"
	"gatehouse/testkit"
)

// operatorsPage is a browser without scripts at the page of a gateway.
type operatorsPage struct {
	*testing.T

	url    string
	client *http.Client
}

// openPage opens the page of a gateway with a link.
func openPage(t *testing.T, g *testkit.Gateway) operatorsPage {
	t.Helper()
	link := value[admin.OpsLink](t, operate(t, g, "ops", "open", "--json").want(t, exitFine)).URL
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	base, _, _ := strings.Cut(link, "/open")
	p := operatorsPage{t, base, &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}}
	if status, body := p.get(strings.TrimPrefix(link, base)); status != http.StatusOK {
		t.Fatalf("the link: got %d, %s, want 200", status, body)
	}
	return p
}

func (p operatorsPage) send(req *http.Request) (int, string) {
	p.Helper()
	resp, err := p.client.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (p operatorsPage) get(path string) (int, string) {
	p.Helper()
	req, err := http.NewRequestWithContext(p.Context(), http.MethodGet, p.url+path, nil)
	if err != nil {
		p.Fatal(err)
	}
	return p.send(req)
}

var pageToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// press sends the form of a button.
func (p operatorsPage) press(action string, form url.Values) (int, string) {
	p.Helper()
	_, body := p.get("/reloads")
	m := pageToken.FindStringSubmatch(body)
	if m == nil {
		p.Fatalf("the page has no token: %s", body)
	}
	form.Set("token", m[1])
	req, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.url+"/actions/"+action, strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", p.url)
	return p.send(req)
}

func TestOps_page_showsTheTreeAndItsButtonsLeaveALineInTheAuditLog(t *testing.T) {
	g, a := begin(t, testkit.Servers{"one": testkit.Fake(t), "two": testkit.Fake(t).Settings("start", "lazy")}, "--ops", "127.0.0.1:0")
	a.Execute(t, "one", "echo", map[string]any{"text": "x"}).Good(t)
	st, one := statusOf(t, g, "one")
	if !strings.HasPrefix(st.Ops, "http://127.0.0.1:") || one.Actor != "one@1" || one.LastGood == nil {
		t.Errorf("status: got ops %q, actor %q, last good call %v; want all three", st.Ops, one.Actor, one.LastGood)
	}
	var actors []string
	for _, actor := range st.Actors {
		actors = append(actors, actor.Name)
	}
	if got, want := strings.Join(actors, " "), "config gateway journal servers watcher"; got != want {
		t.Errorf("actors: got %s, want %s", got, want)
	}
	p := openPage(t, g)
	_, body := p.get("/")
	for _, want := range append(actors, ">one<", ">@1<", "ready", "idle", ">two<") {
		if !strings.Contains(body, want) {
			t.Errorf("the tree lacks %q:\n%s", want, body)
		}
	}
	if status, body := p.press("hold", url.Values{"server": {"one"}, "reason": {"a test"}}); status != http.StatusOK {
		t.Errorf("hold: got %d, %s, want to be led to the page", status, body)
	}
	if _, one := statusOf(t, g, "one"); one.State != "held" {
		t.Errorf("after the button: got %s, want held", one.State)
	}
	testkit.Eventually(t, "a line in the audit log", func() bool {
		log, err := os.ReadFile(g.AuditFile)
		return err == nil && strings.Contains(string(log), `"event":"operator"`) && strings.Contains(string(log), `"action":"hold","by":"the page, opened by a link","server":"one"`)
	})
}

func TestOps_metrics_countEachLineOfTheAuditLog(t *testing.T) {
	g, a := begin(t, testkit.Servers{"one": testkit.Fake(t)}, "--ops", "127.0.0.1:0")
	a.Execute(t, "one", "echo", map[string]any{"text": "x"}).Good(t)
	for _, server := range []string{"one", "none", "made up"} {
		a.Execute(t, server, "no such tool", nil)
	}
	a.ListServers(t)
	st, _ := statusOf(t, g, "one")
	_, text := operatorsPage{t, st.Ops, http.DefaultClient}.get("/metrics")
	counted := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^gatehouse_calls_total\{.*outcome="([^"]*)",server="([^"]*)",.*\} (\d+)$`).FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[3])
		counted[m[2]+" "+m[1]] += n
	}
	testkit.Eventually(t, "as many lines in the audit log as calls", func() bool {
		return maps.Equal(callsLogged(t, g), counted)
	})
	if len(counted) < 3 {
		t.Errorf("got %v in\n%s\nwant at least three sets", counted, text)
	}
}

// The moments of the metrics are those of the status, to the nanosecond that a
// number of Prometheus can hold.
func TestOps_metrics_momentsAreThoseOfTheStatus(t *testing.T) {
	g, a := begin(t, testkit.Servers{"one": testkit.Fake(t)}, "--ops", "127.0.0.1:0")
	a.Execute(t, "one", "crash", nil).Failed(t, "SERVER_CRASHED")
	a.Execute(t, "one", "echo", map[string]any{"text": "x"}).Good(t)
	g.Reject(t, g.ServersFile, `{"mcpServers": `)
	st, one := statusOf(t, g, "one")
	_, text := operatorsPage{t, st.Ops, http.DefaultClient}.get("/metrics")
	want := map[string]*time.Time{
		`gatehouse_server_start_time_seconds{server="one"}`:           one.RunSince,
		`gatehouse_server_last_crash_timestamp_seconds{server="one"}`: one.LastCrash,
	}
	for _, r := range st.Reloads {
		want[fmt.Sprintf("gatehouse_config_last_success_timestamp_seconds{file=%q}", r.File)] = r.LastGood
	}
	for sample, at := range want {
		if at == nil {
			t.Errorf("%s: the status has no such moment, want one", sample)
			continue
		}
		line := sample + " " + strconv.FormatFloat(float64(at.UnixNano())/1e9, 'g', -1, 64) + "\n"
		if !strings.Contains(text, line) {
			t.Errorf("the metrics lack %s, want the moment of the status in\n%s", line, text)
		}
	}
}

// callsLogged counts the lines of the audit log about calls, by server and
// outcome; servers that there are not are other.
func callsLogged(t *testing.T, g *testkit.Gateway) map[string]int {
	t.Helper()
	logged := map[string]int{}
	for line := range strings.Lines(testkit.ReadFile(t, g.AuditFile)) {
		var r audit.Record
		if json.Unmarshal([]byte(line), &r) != nil || r.Event != "" {
			continue
		}
		if r.Server != "one" && r.Server != "" {
			r.Server = "other"
		}
		logged[r.Server+" "+r.Outcome]++
	}
	return logged
}

func TestOps_off_hasNoPageAndSaysHowToTurnItOn(t *testing.T) {
	g, _ := begin(t, testkit.Servers{})
	operate(t, g, "ops", "open").want(t, exitNo, "start it with --ops 8001")
	if st, _ := statusOf(t, g, ""); st.Ops != "" {
		t.Errorf("ops: got %q, want none", st.Ops)
	}
}

func TestOps_beyondLoopback_needsATokenAndTLS(t *testing.T) {
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("a-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no token":               {[]string{"--ops", "0.0.0.0:0"}, "without a credential"},
		"no token, insecure":     {[]string{"--ops", "0.0.0.0:0", "--insecure"}, "without a credential"},
		"clear text":             {[]string{"--ops", "0.0.0.0:0", "--ops-token-file", token}, "in clear text"},
		"no such token":          {[]string{"--ops", "8001", "--ops-token-file", filepath.Join(dir, "none")}, "--ops-token-file"},
		"a token without a port": {[]string{"--ops-token-file", token}, "needs --ops"},
		"a url":                  {[]string{"--ops", "http://127.0.0.1:8001/"}, "--ops is"},
	} {
		t.Run(name, func(t *testing.T) {
			g := testkit.StartGateway(t, testkit.Options{
				Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Args: c.args, NoWait: true, Unclean: true,
			})
			if code := g.Wait(t); code == exitFine || !strings.Contains(g.Log.Text(), c.want) {
				t.Errorf("got exit code %d:\n%s\nwant it to end and to say %q", code, g.Log.Text(), c.want)
			}
		})
	}
}

func TestOps_portInUse_saysWhoHasIt(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = listenFailedOn(t, l.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "choose another address with --ops") {
		t.Errorf("got %v, want what to do", err)
	}
}

func listenFailedOn(t *testing.T, addr string) error {
	t.Helper()
	_, err := openOps(runOptions{ops: opsOptions{addr: addr}}, nil)
	return err
}
