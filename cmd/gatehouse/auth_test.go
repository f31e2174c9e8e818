package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/internal/rulesfile"
	"gatehouse/testkit"
)

const (
	aliceToken = "gatehouse_aliceAliceAliceAliceAliceAliceAlice"
	bobToken   = "gatehouse_bobBobBobBobBobBobBobBobBobBobBob"
)

func tokenEntry(id, token string, agents ...string) map[string]any {
	return map[string]any{"id": id, "agents": agents, "sha256": identity.DigestOf(token).String()}
}

// tokenRules are rules in which these agents may use all, with tokens.
func tokenRules(entries ...map[string]any) string {
	rules := testkit.Rules{}
	for _, agent := range []string{"a", "b"} {
		rules[agent] = testkit.Grant{Allow: []string{"*"}}
	}
	return rules.JSONWith(map[string]any{"tokens": entries})
}

// beginTokens starts a gateway where alice may be a and b, and bob only b.
func beginTokens(t *testing.T, args ...string) *testkit.Gateway {
	t.Helper()
	return testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(),
		Rules:   tokenRules(tokenEntry("alice-laptop", aliceToken, "a", "b"), tokenEntry("bob", bobToken, "b")),
		Args:    slices.Concat(quick, args),
	})
}

func rawAs(t *testing.T, g *testkit.Gateway, token string) *testkit.Raw {
	t.Helper()
	return testkit.NewRawAs(t, g.BaseURL(t)+"/mcp", "", token)
}

func TestTokens_bindACallerToItsAgents(t *testing.T) {
	t.Parallel()
	g := beginTokens(t)
	alice := testkit.Agent{Caller: rawAs(t, g, aliceToken)}
	bob := testkit.Agent{Caller: rawAs(t, g, bobToken)}
	cases := []struct {
		name   string
		caller testkit.Agent
		agent  string
		want   string
	}{
		{"the first by default", alice, "", ""},
		{"another of its own", alice, "b", ""},
		{"its only one", bob, "b", ""},
		{"a foreign agent", bob, "a", "INVALID_AGENT_ID"},
		{"an agent in another case", bob, "B", "INVALID_AGENT_ID"},
		{"an agent with a NUL behind it", bob, "b\x00", "INVALID_AGENT_ID"},
		{"an agent with a line behind it", bob, "b\na", "INVALID_AGENT_ID"},
		{"an agent that looks alike", alice, "\u0430", "INVALID_AGENT_ID"},
		{"an agent that nobody knows", alice, "admin", "INVALID_AGENT_ID"},
	}
	for _, c := range cases {
		r := c.caller.As(c.agent).Execute(t, "s", "echo", nil)
		if c.want == "" {
			r.Good(t)
		} else {
			r.Failed(t, c.want)
		}
	}
	testkit.Eventually(t, "the audit log has the credentials", func() bool {
		lines := testkit.ReadFile(t, g.AuditFile)
		return strings.Contains(lines, `"credential":"alice-laptop"`) && strings.Contains(lines, `"credential":"bob"`)
	})
	if strings.Contains(testkit.ReadFile(t, g.AuditFile), "gatehouse_") {
		t.Error("the audit log has a token")
	}
}

func TestTokens_ofOneAgent_seeNoAgentID(t *testing.T) {
	t.Parallel()
	g := beginTokens(t)
	for token, want := range map[string]bool{aliceToken: true, bobToken: false} {
		reply, err := rawAs(t, g, token).Request(t.Context(), "tools/list", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(reply.Message), "agent_id"); got != want || !strings.Contains(string(reply.Message), "execute_tool") {
			t.Errorf("agent_id shown: %v, want %v", got, want)
		}
	}
}

// post sends a ping and gives the status and the challenge.
func post(t *testing.T, r *testkit.Raw) (int, string) {
	t.Helper()
	reply, err := r.Request(t.Context(), "ping", nil)
	if err != nil {
		t.Fatal(err)
	}
	return reply.Status, reply.Header.Get("WWW-Authenticate")
}

func TestTokens_requestsWithoutAGoodOne_are401(t *testing.T) {
	t.Parallel()
	g := beginTokens(t)
	for name, token := range map[string]string{
		"none": "", "a wrong one": aliceToken[:len(aliceToken)-1] + "X", "too short": "x", "too long": aliceToken + "e",
		"in another case": strings.ToUpper(aliceToken), "the hash": identity.DigestOf(aliceToken).String(),
		"an unsigned JWT": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
	} {
		status, challenge := post(t, &testkit.Raw{URL: g.BaseURL(t) + "/mcp", Token: token})
		if status != http.StatusUnauthorized || !strings.HasPrefix(challenge, "Bearer ") {
			t.Errorf("%s: got status %d, challenge %q, want %d and a Bearer challenge", name, status, challenge, http.StatusUnauthorized)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := get(t.Context(), t, g.BaseURL(t)+path); got != http.StatusOK {
			t.Errorf("%s gives %d, want %d", path, got, http.StatusOK)
		}
	}
	if got := get(t.Context(), t, g.BaseURL(t)+"/mcp?access_token="+aliceToken); got != http.StatusUnauthorized {
		t.Errorf("a token in the url: status %d, want %d", got, http.StatusUnauthorized)
	}
}

// send sends a request with headers and gives its status; host "" is our own.
func send(t *testing.T, method, url, host string, headers map[string]string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func TestTokens_foreignOriginAndHost_areForbiddenWithAGoodTokenToo(t *testing.T) {
	t.Parallel()
	g := beginTokens(t, "--public-url", "https://gw.example.com")
	url := g.BaseURL(t) + "/mcp"
	auth := "Bearer " + aliceToken
	cases := []struct {
		name, host string
		headers    map[string]string
		want       int
	}{
		{"a good request", "", map[string]string{"Authorization": auth}, 200},
		{"a foreign origin", "", map[string]string{"Authorization": auth, "Origin": "https://evil.example"}, 403},
		{"a foreign origin without a token", "", map[string]string{"Origin": "https://evil.example"}, 403},
		{"a foreign host", "evil.example", map[string]string{"Authorization": auth}, 403},
		{"the public host, by a proxy", "gw.example.com", map[string]string{"Authorization": auth}, 200},
		{"the public host in another case", "GW.example.com", map[string]string{"Authorization": auth}, 200},
		{"the public host with another port", "gw.example.com:99", map[string]string{"Authorization": auth}, 403},
		{"a huge header", "", map[string]string{"Authorization": "Bearer " + strings.Repeat("a", 40_000)}, 400},
		{"a header beyond all measure", "", map[string]string{"Authorization": "Bearer " + strings.Repeat("a", 1<<20)}, 431},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := send(t, http.MethodPost, url, c.host, c.headers); got != c.want {
				t.Errorf("got status %d, want %d", got, c.want)
			}
		})
	}
	if got := send(t, http.MethodOptions, url, "", map[string]string{"Origin": g.BaseURL(t)}); got != http.StatusNoContent {
		t.Errorf("a browser's preflight, which has no token: status %d", got)
	}
}

// Beyond loopback too a name must be one of the gateway's, or a web page could
// have its own name lead here; an address is always good.
func TestHost_beyondLoopback_isCheckedToo(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(), Rules: testkit.AllowAll("a"),
		Args: slices.Concat(quick, []string{"--http", "0.0.0.0:0", "--insecure", "--allow-host", "gateway.lan", "--allow-host", "other.lan:99"}),
	})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(g.BaseURL(t), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	own := "127.0.0.1"
	addrs, _ := net.InterfaceAddrs() // Without another one, loopback shows the names at least.
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			own = ip.IP.String()
		}
	}
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + net.JoinHostPort(own, port) + "/mcp"
	for host, want := range map[string]int{
		"": 200, own + ":" + port: 200, "localhost:" + port: 200, machine + ":" + port: 200, "gateway.lan": 200, "GATEWAY.lan:1234": 200, "other.lan:99": 200,
		"other.lan": 403, "evil.example": 403, "gateway.lan.evil.example": 403,
	} {
		if got := send(t, http.MethodPost, url, host, nil); got != want {
			t.Errorf("Host %q: got status %d, want %d", host, got, want)
		}
	}
}

func TestTokens_aSession_belongsToTheCredentialThatOpenedIt(t *testing.T) {
	t.Parallel()
	g := beginTokens(t)
	alice := rawAs(t, g, aliceToken)
	thief := &testkit.Raw{URL: alice.URL, Protocol: alice.Protocol, Session: alice.Session, Token: bobToken}
	if status, _ := post(t, thief); status != http.StatusNotFound {
		t.Errorf("with another credential: status %d, want %d", status, http.StatusNotFound)
	}
	headers := map[string]string{"Authorization": "Bearer " + bobToken, "Mcp-Session-Id": alice.Session}
	if status := send(t, http.MethodDelete, alice.URL, "", headers); status != http.StatusNotFound {
		t.Errorf("ending it with another credential: status %d, want %d", status, http.StatusNotFound)
	}
	thief.Session = alice.Session[:len(alice.Session)-53] // Without the owner's mark.
	if status, _ := post(t, thief); status != http.StatusNotFound {
		t.Errorf("without the owner's mark: status %d", status)
	}
	if status, _ := post(t, alice); status != http.StatusOK {
		t.Errorf("its owner: status %d, want %d", status, http.StatusOK)
	}
}

func TestTokens_removingOne_takesEffectInOpenSessions(t *testing.T) {
	t.Parallel()
	g := beginTokens(t)
	alice, bob := rawAs(t, g, aliceToken), rawAs(t, g, bobToken)
	g.Apply(t, g.RulesFile, tokenRules(tokenEntry("alice-laptop", aliceToken, "b")))
	if status, _ := post(t, bob); status != http.StatusUnauthorized {
		t.Errorf("the removed token: status %d, want %d", status, http.StatusUnauthorized)
	}
	a := testkit.Agent{Caller: alice}
	a.As("b").Execute(t, "s", "echo", nil).Good(t)
	a.As("a").Execute(t, "s", "echo", nil).Failed(t, "INVALID_AGENT_ID")
}

// What a removed credential has open ends with it: streams, calls, and sessions
// for good.
func TestTokens_removingOne_endsWhatItHasOpen(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t, "--record", record)}.JSON(),
		Rules:   tokenRules(tokenEntry("alice-laptop", aliceToken, "a", "b"), tokenEntry("bob", bobToken, "b")), Args: quick,
	})
	alice, bob := rawAs(t, g, aliceToken), rawAs(t, g, bobToken)
	streams := map[string]<-chan struct{}{"alice": listenStream(t, alice), "bob": listenStream(t, bob)}
	hanging := testkit.Agent{Caller: bob}.Go(t.Context(), "s", "hang", map[string]any{"id": "h"})
	awaitCall(t, record, "h")
	g.Apply(t, g.RulesFile, tokenRules(tokenEntry("alice-laptop", aliceToken, "a", "b")))
	select {
	case <-streams["bob"]:
	case <-time.After(testkit.Patience):
		t.Error("the stream of the removed token is still open")
	}
	hanging.Wait(t).Failed(t, "CANCELLED")
	select {
	case <-streams["alice"]:
		t.Error("another token's stream has ended, want it open")
	default:
	}
	g.Apply(t, g.RulesFile, tokenRules(tokenEntry("alice-laptop", aliceToken, "a", "b"), tokenEntry("bob", bobToken, "b")))
	if status, _ := post(t, bob); status != http.StatusNotFound {
		t.Errorf("the session of a token that was removed and is back: got status %d, want %d", status, http.StatusNotFound)
	}
	if status, _ := post(t, alice); status != http.StatusOK {
		t.Errorf("another token's session: got status %d, want %d", status, http.StatusOK)
	}
}

// listenStream opens a stream and returns what is closed at its end.
func listenStream(t *testing.T, r *testkit.Raw) <-chan struct{} {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Token)
	req.Header.Set("Mcp-Session-Id", r.Session)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a stream: got %v, %v, want 200", resp, err)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		close(ended)
	}()
	return ended
}

func TestTokens_reloadThatRemovesTheLast_isRejected(t *testing.T) {
	t.Parallel()
	g := beginTokens(t)
	line := g.Reject(t, g.RulesFile, testkit.AllowAll("a"))
	wantProblem(t, line, "need no credential any more")
	if status, _ := post(t, &testkit.Raw{URL: g.BaseURL(t) + "/mcp"}); status != http.StatusUnauthorized {
		t.Errorf("without a token: status %d", status)
	}
	testkit.Agent{Caller: rawAs(t, g, aliceToken)}.Execute(t, "s", "echo", nil).Good(t)
}

func TestTokens_addingTheFirst_closesOpenSessions(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	open := g.Raw(t)
	g.Apply(t, g.RulesFile, tokenRules(tokenEntry("bob", bobToken, "b")))
	if status, _ := post(t, open); status != http.StatusUnauthorized {
		t.Errorf("without a token: status %d", status)
	}
	open.Token = bobToken
	if status, _ := post(t, open); status != http.StatusNotFound {
		t.Errorf("with a token, in a session that nobody owns: status %d, want %d", status, http.StatusNotFound)
	}
}

func TestTokens_pinOfTheListener_counts(t *testing.T) {
	t.Parallel()
	g := beginTokens(t, "--agent", "a")
	testkit.Agent{Caller: rawAs(t, g, aliceToken)}.As("b").Execute(t, "s", "echo", nil).Failed(t, "INVALID_AGENT_ID")
	if status, _ := post(t, &testkit.Raw{URL: g.BaseURL(t) + "/mcp", Token: bobToken}); status != http.StatusForbidden {
		t.Errorf("a token without an agent in common: status %d", status)
	}
}

func TestTokenNew_printsAWorkingLineOnce(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run([]string{"token", "new", "--id", "ci", "--agent", "a,b", "--expires", "2999-01-01", "--json"}, nil, &out, &errs); code != exitFine {
		t.Fatalf("exit %d: %s, want %d", code, &errs, exitFine)
	}
	var got struct {
		Token string
		Line  json.RawMessage
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	rules := fmt.Sprintf(`{"agents": {"a": {}, "b": {}}, "defaults": {"tokens": [%s]}}`, got.Line)
	_, credentials, problems := rulesfile.Parse("rules.json", []byte(rules))
	if len(problems) > 0 || strings.Contains(rules, got.Token) {
		t.Fatalf("problems %v, want none; the rules must not hold the token: %s", problems, rules)
	}
	want := credentials.Tokens[0]
	if want.Digest != identity.DigestOf(got.Token) || want.ID != "ci" || !slices.Equal(want.Agents, []string{"a", "b"}) || want.Expires.Year() != 2999 {
		t.Errorf("got %+v, want ci for a and b until 2999, with the hash of the token", want)
	}
	var other bytes.Buffer
	run([]string{"token", "new", "--id", "ci", "--agent", "a", "--json"}, nil, &other, &errs)
	if strings.Contains(other.String(), got.Token) {
		t.Error("two tokens are equal")
	}
}

func TestTokenNew_wrongUse(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{},
		{"--id", "x"},
		{"--agent", "a"},
		{"--id", "a b", "--agent", "a"},
		{"--id", "x", "--agent", "a*"},
		{"--id", "x", "--agent", "a,a"},
		{"--id", "x", "--agent", "a", "--expires", "soon"},
		{"--id", "x", "--agent", "a", "--expires", "2001-01-01"},
	} {
		var out, errs bytes.Buffer
		if code := run(append([]string{"token", "new"}, args...), nil, &out, &errs); code != exitUsage || out.Len() > 0 {
			t.Errorf("%q: exit %d, %s, want exit %d and nothing on stdout", args, code, &out, exitUsage)
		}
	}
}

// listening is a listener in name only.
type listening struct {
	net.Listener

	addr string
}

func (l listening) Addr() net.Addr {
	a, err := net.ResolveTCPAddr("tcp", l.addr)
	if err != nil {
		panic(err)
	}
	return a
}

func TestSafeToListen(t *testing.T) {
	t.Parallel()
	some := identity.Credentials{Tokens: []identity.Token{{ID: "x"}}}
	none := identity.Credentials{}
	cases := []struct {
		name, addr string
		opts       runOptions
		c          identity.Credentials
		ok         bool
	}{
		{"loopback needs nothing", "127.0.0.1:80", runOptions{}, none, true},
		{"loopback of version 6", "[::1]:80", runOptions{}, none, true},
		{"loopback in disguise", "[::ffff:127.0.0.1]:80", runOptions{}, none, true},
		{"all addresses without a credential", "0.0.0.0:80", runOptions{tlsCert: "x"}, none, false},
		{"all addresses of version 6", "[::]:80", runOptions{tlsCert: "x"}, none, false},
		{"a pin is no credential", "192.0.2.1:80", runOptions{agents: []string{"a"}, tlsCert: "x"}, none, false},
		{"tokens in clear text", "192.0.2.1:80", runOptions{}, some, false},
		{"a fleet in clear text, before it has its rules", "192.0.2.1:80", runOptions{fleet: fleetOptions{name: "prod"}}, identity.Credentials{}, false},
		{"a fleet before it has its rules", "192.0.2.1:443", runOptions{fleet: fleetOptions{name: "prod"}, tlsCert: "cert.pem"}, identity.Credentials{}, true},
		{"a public url in clear text", "192.0.2.1:80", runOptions{publicURL: "http://gw.example.com"}, some, false},
		{"tokens with TLS", "192.0.2.1:80", runOptions{tlsCert: "x"}, some, true},
		{"tokens behind a proxy with TLS", "192.0.2.1:80", runOptions{publicURL: "https://gw.example.com"}, some, true},
		{"said to be meant", "0.0.0.0:80", runOptions{insecure: true}, none, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := safeToListen(c.opts, listening{addr: c.addr}, c.c); (err == nil) != c.ok {
				t.Errorf("got %v, want that it may listen: %v", err, c.ok)
			}
		})
	}
}

// Whoever leaves a port open hears what that means; over stdio, or with a pin or a
// token, there is nothing to say.
func TestWarnOpen_saysThatAnybodyCanBeAnyAgent(t *testing.T) {
	t.Parallel()
	some, none := identity.Credentials{Tokens: []identity.Token{{ID: "x"}}}, identity.Credentials{}
	for _, c := range []struct {
		name string
		opts runOptions
		l    net.Listener
		c    identity.Credentials
		want string // in a warning; "" is none
	}{
		{"an open port, as that of the demo", runOptions{}, listening{addr: "127.0.0.1:80"}, none, "whoever reaches the port may claim to be any agent"},
		{"a token", runOptions{}, listening{addr: "127.0.0.1:80"}, some, ""},
		{"a pin", runOptions{agents: []string{"a"}}, listening{addr: "127.0.0.1:80"}, none, ""},
		{"no port", runOptions{}, nil, none, ""},
		{"other machines, in clear text", runOptions{insecure: true}, listening{addr: "0.0.0.0:80"}, some, "insecure: other machines reach the port"},
	} {
		var said strings.Builder
		warnOpen(slog.New(slog.NewTextHandler(&said, nil)), c.opts, c.l, c.c)
		if got := said.String(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) || c.want != "" && !strings.Contains(got, "level=WARN") {
			t.Errorf("%s: got %q, want a warning with %q", c.name, got, c.want)
		}
	}
}

func TestRun_beyondLoopbackWithoutCredentials_isRefused(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Args: []string{"--http", "0.0.0.0:0"}, NoWait: true, Unclean: true,
	})
	if code := g.Wait(t); code != exitNo {
		t.Errorf("exit code %d, want %d", code, exitNo)
	}
	if text := strings.Join(g.Log.Other(), "\n"); !strings.Contains(text, "gatehouse token new") {
		t.Errorf("it says: %s, want how to make a token", text)
	}
}
