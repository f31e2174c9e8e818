package ops_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/admin"
	"gatehouse/internal/logging"
	"gatehouse/internal/ops"
	"gatehouse/internal/ops/metrics"
	"gatehouse/internal/policy"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// stub is a gateway with the facts of a test, which notes what it was asked to do.
type stub struct {
	admin.Gateway

	status admin.Status
	ring   *logging.Ring

	detail  admin.ServerDetail
	tools   []admin.Tool
	reloads []admin.Report
	access  admin.Access
	pulse   ops.Pulse

	mu    sync.Mutex
	asked int      // for its status
	done  []string // "hold db by the page ...: reason"
}

func (s *stub) Status() admin.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.status
}

// asks is how often it was asked for its status.
func (s *stub) asks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *stub) Logs() *logging.Ring { return s.ring }

func (s *stub) Operate(ctx context.Context, action admin.Action, server string, hold admin.Hold) (admin.Operated, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, strings.TrimSpace(string(action)+" "+server+" by "+admin.WhoActs(ctx)+" "+hold.Why))
	return admin.Operated{}, nil
}

func (s *stub) Server(name string) (admin.ServerDetail, error) {
	for _, one := range s.Status().Servers {
		if one.Name == name {
			d := s.detail
			d.ServerStatus = one
			return d, nil
		}
	}
	return admin.ServerDetail{}, &admin.Error{Status: http.StatusNotFound, Message: "there is no such server"}
}

func (s *stub) Tools(server, _ string) (admin.Tools, error) {
	return admin.Tools{Servers: []admin.ServerTools{{Server: server, Tools: s.tools}}}, nil
}

func (s *stub) Reloads() []admin.Report { return s.reloads }

func (s *stub) Access(admin.AccessQuery) admin.Access { return s.access }

func (s *stub) Explain(q admin.Question) (policy.Explanation, error) {
	return policy.Explanation{Agent: q.Agent, Server: q.Server, Tool: q.Tool}, nil
}

// set changes the status, which the page hears of.
func (s *stub) set(change func(*admin.Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Servers = slices.Clone(s.status.Servers)
	change(&s.status)
	s.pulse.Beat()
}

func (s *stub) did() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.done...)
}

// desk is a server under test and a browser without scripts.
type desk struct {
	*testing.T

	gateway *stub
	server  *ops.Server
	url     string
	refused []string
	now     time.Time
	jar     map[string]string
	dialer  net.Dialer
}

// open serves a gateway whose servers are these.
func open(t *testing.T, change func(*ops.Options), servers ...admin.ServerStatus) *desk {
	t.Helper()
	return openAt(t, func(l net.Listener) net.Listener { return l }, change, servers...)
}

// openAt is open at another listener than the real one.
func openAt(t *testing.T, at func(net.Listener) net.Listener, change func(*ops.Options), servers ...admin.ServerStatus) *desk {
	t.Helper()
	d := &desk{T: t, now: time.Unix(1_790_000_000, 0), jar: map[string]string{}}
	d.gateway = &stub{ring: logging.NewRing(), status: admin.Status{Ready: true, Servers: servers, Actors: []admin.Actor{{Name: "journal", Does: "writes"}, {Name: "servers"}}}}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := ops.Options{
		Gateway: d.gateway, Counted: metrics.NewBook(nil), Changed: d.gateway.pulse.Next, Instance: "abc", UID: os.Getuid(), Log: slog.New(slog.DiscardHandler),
		Refused: func(_, reason string) { d.refused = append(d.refused, reason) }, Now: func() time.Time { return d.now },
	}
	if change != nil {
		change(&o)
	}
	d.server = ops.Serve(at(l), o)
	d.url = "http://" + l.Addr().String()
	t.Cleanup(d.server.Close)
	return d
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request with these headers; "Host" is the host.
func (d *desk) ask(method, path string, header map[string]string, form url.Values) answer {
	d.Helper()
	req, err := http.NewRequestWithContext(d.Context(), method, d.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		d.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	req.Host = header["Host"]
	for name, value := range d.jar {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DialContext: d.dialer.DialContext},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (d *desk) get(path string) answer {
	d.Helper()
	return d.ask(http.MethodGet, path, nil, nil)
}

// enter opens a link and keeps the cookie.
func (d *desk) enter(link string) answer {
	d.Helper()
	a := d.get(link)
	if name, value, ok := strings.Cut(strings.SplitN(a.header.Get("Set-Cookie"), ";", 2)[0], "="); ok {
		d.jar[name] = value
	}
	return a
}

// press sends the form of a button with what a page of the same origin sends.
func (d *desk) press(action string, form url.Values, change map[string]string) answer {
	d.Helper()
	header := map[string]string{"Origin": d.url, "Sec-Fetch-Site": "same-origin"}
	maps.Copy(header, change)
	return d.ask(http.MethodPost, "/actions/"+action, header, form)
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token is what the page's forms hold.
func (d *desk) token() string {
	d.Helper()
	m := tokenField.FindStringSubmatch(d.get("/reloads").body)
	if m == nil {
		d.Fatal("no form of the page has a token")
	}
	return m[1]
}
