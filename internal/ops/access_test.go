package ops_test

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/ops"
)

func withToken(o *ops.Options) { o.Token = func() (string, error) { return "the-token", nil } }

func TestAccess_tokenFile_nobodyReadsWithoutACredential(t *testing.T) {
	d := open(t, withToken)
	for _, path := range []string{"/", "/metrics", "/log", "/live?view=tree", "/static/page.js"} {
		for _, bearer := range []string{"", "Bearer wrong", "Bearer ", "Basic the-token", "the-token"} {
			if a := d.ask("GET", path, map[string]string{"Authorization": bearer}, nil); a.status != http.StatusUnauthorized {
				t.Errorf("%s with %q: got %d, want 401", path, bearer, a.status)
			}
		}
	}
	if a := d.ask("GET", "/", map[string]string{"Authorization": "bearer the-token"}, nil); a.status != http.StatusOK {
		t.Errorf("with the token: got %d, want 200", a.status)
	}
	if !slices.Contains(d.refused, "a bearer that is not the operators' token") {
		t.Errorf("noted refusals: got %q, want that of a wrong bearer", d.refused)
	}
}

func TestAccess_tokenFileUnreadable_refusesAndSaysNothingOfWhy(t *testing.T) {
	d := open(t, func(o *ops.Options) { o.Token = func() (string, error) { return "", errors.New("open /secret/path") } })
	a := d.ask("GET", "/", map[string]string{"Authorization": "Bearer x"}, nil)
	if a.status != http.StatusServiceUnavailable || strings.Contains(a.body, "/secret/path") {
		t.Errorf("got %d: %s, want 503 without the path", a.status, a.body)
	}
}

func TestLink_opensOnceWithinAMinute(t *testing.T) {
	d := open(t, withToken)
	link := d.server.Link(false)
	if a := d.ask("HEAD", link, nil, nil); a.status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD of the link: got %d, want 405, so that a look ahead does not use it up", a.status)
	}
	first := d.enter(link)
	cookie := first.header.Get("Set-Cookie")
	for _, part := range []string{"gatehouse-ops-abc=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie: got %q, want %q in it", cookie, part)
		}
	}
	if a := d.get("/"); first.status != http.StatusOK || a.status != http.StatusOK {
		t.Errorf("the link and the page after it: got %d, %d, want 200, 200", first.status, a.status)
	}
	d.jar = map[string]string{}
	if a := d.enter(link); a.status != http.StatusUnauthorized || len(d.jar) != 0 {
		t.Errorf("the link a second time: got %d, %v, want 401 and no cookie", a.status, d.jar)
	}
	late := d.server.Link(false)
	d.now = d.now.Add(ops.LinkLife + time.Second)
	if a := d.enter(late); a.status != http.StatusUnauthorized {
		t.Errorf("a link after a minute: got %d, want 401", a.status)
	}
}

func TestLink_forABrowserHere_opensForTheGatewaysUserAlone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not say whose process is at the other end")
	}
	var below atomic.Bool // whether a server behind the gateway asks, which has read the list of processes
	below.Store(true)
	d := open(t, func(o *ops.Options) { withToken(o); o.Below = func(uint64) bool { return below.Load() } })
	link := d.server.Link(true)
	if a := d.enter(link); a.status != http.StatusUnauthorized || len(d.jar) != 0 {
		t.Errorf("a server behind the gateway: got %d, %v, want 401 and no cookie", a.status, d.jar)
	}
	below.Store(false)
	if a := d.enter(link); a.status != http.StatusOK || len(d.jar) != 1 {
		t.Errorf("the user after it: got %d, %v, want 200 and a cookie", a.status, d.jar)
	}
	far := openAt(t, func(l net.Listener) net.Listener {
		return elsewhere{l, &net.TCPAddr{IP: net.ParseIP("203.0.113.7"), Port: 1}}
	}, withToken)
	if a := far.enter(far.server.Link(true)); a.status != http.StatusUnauthorized {
		t.Errorf("another machine: got %d, want 401", a.status)
	}
	if a := far.enter(far.server.Link(false)); a.status != http.StatusOK {
		t.Errorf("another machine with a link that was only printed: got %d, want 200", a.status)
	}
}

func TestSession_endsAfterTwelveHours(t *testing.T) {
	d := open(t, withToken)
	d.enter(d.server.Link(false))
	d.now = d.now.Add(13 * time.Hour)
	if a := d.get("/"); a.status != http.StatusUnauthorized {
		t.Errorf("after 13 hours: got %d, want 401", a.status)
	}
}

func TestGuard_otherOriginsAndHosts_areRefused(t *testing.T) {
	d := open(t, nil)
	for name, header := range map[string]map[string]string{
		"a rebound name":                     {"Host": "evil.example:8001"},
		"a public address on loopback":       {"Host": "203.0.113.7"},
		"a page elsewhere":                   {"Origin": "https://evil.example"},
		"a page of another port":             {"Origin": "http://127.0.0.1:9999"},
		"a page of another scheme":           {"Origin": strings.Replace(d.url, "http:", "https:", 1)},
		"no origin at all":                   {"Origin": "null"},
		"a script tag of another site":       {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
		"an image of another port":           {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
		"a frame of another site":            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
		"a fetch of another site with CORS":  {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
		"an event stream of another site":    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "text/event-stream"},
		"a form of another site that is GET": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"},
	} {
		if a := d.ask("GET", "/", header, nil); a.status != http.StatusForbidden || strings.Contains(a.body, "journal") {
			t.Errorf("%s: got %d, want 403 and nothing of the page", name, a.status)
		}
	}
	link := map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
	if a := d.ask("GET", "/", link, nil); a.status != http.StatusOK {
		t.Errorf("a link on another page that a person follows: got %d, want 200", a.status)
	}
}

func TestGuard_methodsThatChangeThings_are405(t *testing.T) {
	d := open(t, nil)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
		if a := d.ask(method, "/", nil, nil); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s /: got %d, Allow %q, want 405, GET, HEAD", method, a.status, a.header.Get("Allow"))
		}
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		if a := d.ask(method, "/actions/hold?server=db", nil, nil); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "POST" {
			t.Errorf("%s of an action: got %d, Allow %q, want 405, POST", method, a.status, a.header.Get("Allow"))
		}
	}
	if a := d.ask("HEAD", "/", nil, nil); a.status != http.StatusOK || a.body != "" {
		t.Errorf("HEAD /: got %d, %d bytes, want 200 and none", a.status, len(a.body))
	}
	if got := d.gateway.did(); len(got) != 0 {
		t.Errorf("the gateway did %q, want nothing", got)
	}
}

func TestGuard_everyAnswer_hasTheSameHeaders(t *testing.T) {
	d := open(t, nil)
	for _, a := range []answer{d.get("/"), d.get("/nothing"), d.ask("PUT", "/", nil, nil), d.ask("GET", "/", map[string]string{"Host": "evil"}, nil), d.get("/static/page.js")} {
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || a.header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("status %d: got %q, %v, want a strict policy", a.status, csp, a.header)
		}
		if strings.Contains(a.body, "<script>") || strings.Contains(a.body, " style=") || strings.Contains(a.body, " onclick=") {
			t.Errorf("status %d has something inline, want nothing: %.200s", a.status, a.body)
		}
	}
}

func TestAction_fromThePage_isDoneAndSaysByWhom(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not say whose process is at the other end: a link is needed")
	}
	d := open(t, nil, admin.ServerStatus{Name: "db", State: "ready"})
	form := url.Values{"token": {d.token()}, "server": {"db"}, "for": {"30m"}, "reason": {"tests"}}
	a := d.press("hold", form, nil)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/server?did=hold&name=db" {
		t.Errorf("got %d to %q, want 303 to the page", a.status, a.header.Get("Location"))
	}
	if got, want := d.gateway.did(), []string{"hold db by the page on loopback tests"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAction_withoutWhatOnlyThePageHas_isRefused(t *testing.T) {
	d := open(t, nil, admin.ServerStatus{Name: "db"})
	token := d.token()
	d.enter(d.server.Link(false))
	good := url.Values{"token": {token}, "server": {"db"}}
	for name, c := range map[string]struct {
		form   url.Values
		header map[string]string
	}{
		"no token":          {url.Values{"server": {"db"}}, nil},
		"another token":     {url.Values{"server": {"db"}, "token": {token + "x"}}, nil},
		"no header":         {good, map[string]string{"Origin": "", "Sec-Fetch-Site": ""}},
		"a foreign origin":  {good, map[string]string{"Origin": "http://127.0.0.1:1"}},
		"of another site":   {good, map[string]string{"Sec-Fetch-Site": "same-site"}},
		"a form's null":     {good, map[string]string{"Origin": "null"}},
		"a token in a link": {url.Values{"server": {"db"}}, map[string]string{"Referer": d.url + "/?token=" + token}},
	} {
		if a := d.press("restart", c.form, c.header); a.status != http.StatusForbidden {
			t.Errorf("%s: got %d, want 403", name, a.status)
		}
	}
	if got := d.gateway.did(); len(got) != 0 {
		t.Errorf("the gateway did %q, want nothing", got)
	}
	if a := d.press("restart", good, nil); a.status != http.StatusSeeOther {
		t.Errorf("with all of it: got %d, want 303", a.status)
	}
}

func TestAction_byAnotherUsersProcess_needsALink(t *testing.T) {
	if runtime.GOOS == "linux" && os.Getuid() == 0 {
		t.Skip("skipped: root may act for everybody; the test of a process that is not root's is another one")
	}
	open(t, func(o *ops.Options) { o.UID = -1; o.Below = nil }).needsALink()
}

// needsALink shows that a button does nothing before a link has been opened.
func (d *desk) needsALink() {
	d.Helper()
	form := url.Values{"token": {d.token()}, "server": {"db"}}
	if a := d.press("restart", form, nil); a.status != http.StatusForbidden || len(d.gateway.did()) != 0 {
		d.Errorf("without a link: got %d, done %q, want 403 and nothing", a.status, d.gateway.did())
	}
	d.enter(d.server.Link(false))
	if a := d.press("restart", form, nil); a.status != http.StatusSeeOther {
		d.Errorf("with a link: got %d, want 303", a.status)
	}
}

func TestAction_byAServerBehindTheGateway_isRefusedWhateverItHolds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not say whose process is at the other end")
	}
	d := open(t, func(o *ops.Options) { o.Below = func(inode uint64) bool { return inode != 0 } })
	form := url.Values{"token": {d.token()}, "server": {"db"}}
	d.enter(d.server.Link(false))
	a := d.press("restart", form, nil)
	if a.status != http.StatusForbidden || len(d.gateway.did()) != 0 {
		t.Errorf("got %d, done %q, want 403 and nothing", a.status, d.gateway.did())
	}
}

// elsewhere is a listener whose connections seem to come from an address.
type elsewhere struct {
	net.Listener

	from net.Addr
}

type movedConn struct {
	net.Conn

	from net.Addr
}

func (l elsewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return movedConn{c, l.from}, err
}

func (c movedConn) RemoteAddr() net.Addr { return c.from }

func TestAction_byWhoHasLetGoOfItsSocket_isRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not say whose process is at the other end")
	}
	for _, from := range []string{"127.0.0.1", "127.9.9.9", "::1"} {
		d := openAt(t, func(l net.Listener) net.Listener {
			return elsewhere{l, &net.TCPAddr{IP: net.ParseIP(from), Port: 1}}
		}, func(o *ops.Options) { withToken(o); o.Below = func(uint64) bool { return false } })
		d.enter(d.server.Link(false))
		a := d.press("restart", url.Values{"token": {d.token()}, "server": {"db"}}, nil)
		if a.status != http.StatusForbidden || len(d.gateway.did()) != 0 {
			t.Errorf("from %s: got %d, done %q, want 403 and nothing", from, a.status, d.gateway.did())
		}
	}
}
