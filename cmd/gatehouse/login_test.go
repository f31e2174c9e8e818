package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// browserOf is the environment of an operator whose browser is a program that goes where
// it is sent.
func browserOf(t *testing.T, g *testkit.Gateway) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return operatorEnv(g, "BROWSER="+self)
}

func beginGuarded(t *testing.T, change func(*testkit.AuthServer)) (*testkit.AuthServer, *testkit.Gateway, testkit.Agent) {
	t.Helper()
	a := testkit.StartAuthServer(t)
	if change != nil {
		change(a)
	}
	g, agent := begin(t, testkit.Servers{"guarded": {"url": a.MCP()}, "twin": {"url": a.MCP(), "gateway": map[string]any{"start": "lazy"}}})
	return a, g, agent
}

func TestLogin_withTheGatewayRunning_makesTheServerReadyAtOnce(t *testing.T) {
	t.Parallel()
	a, g, agent := beginGuarded(t, nil)
	g.Await(t, "server needs auth", "server", "guarded")
	fail := agent.Execute(t, "guarded", "hello", nil).Failed(t, "SERVER_UNAVAILABLE")
	if !strings.Contains(fail.Message, "log in with: gatehouse login guarded") {
		t.Errorf("got %q, want what the user has to run", fail.Message)
	}
	got := runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine, `logged in to "guarded" at `+a.URL, "renews by itself", `"guarded" is ready`)
	agent.Execute(t, "guarded", "hello", nil).Good(t)
	agent.Execute(t, "twin", "hello", nil).Good(t) // It shares the login.
	_, s := statusOf(t, g, "guarded")
	if s.Auth == nil || s.Auth.State != "logged-in" || !s.Auth.Renews || s.Auth.Issuer != a.URL || s.Auth.Expires == nil {
		t.Errorf("got %+v as the login of the status, want logged-in at %s with its end", s.Auth, a.URL)
	}
	operate(t, g, "status").want(t, exitFine, "logged in at "+a.URL)
	list := value[[]loginLine](t, operate(t, g, "login", "--list", "--json").want(t, exitFine))
	if len(list) != 1 || list[0].Server != "guarded" || !list[0].Renews {
		t.Errorf("got %+v as the list, want the one login", list)
	}
	out := operate(t, g, "logout", "guarded").want(t, exitFine, "logged out", "twin")
	agent.Execute(t, "guarded", "hello", nil).Failed(t, "SERVER_UNAVAILABLE")
	if n := len(a.Requests("/revoke")); n != 2 {
		t.Errorf("got %d revocations, want 2", n)
	}
	operate(t, g, "logout", "guarded").want(t, exitUsage, "nobody is logged in")
	for _, token := range a.Tokens() {
		if strings.Contains(got.out+got.err+out.out+out.err, token) {
			t.Errorf("a token was printed, want none")
		}
	}
}

func TestLogin_atTheFirstCallThatIsRefused_isAskedForAndUsed(t *testing.T) {
	t.Parallel()
	_, g, agent := beginGuarded(t, func(a *testkit.AuthServer) { a.FreeStart = true })
	g.Await(t, "server ready", "server", "guarded")
	fail := agent.Execute(t, "guarded", "hello", nil).Failed(t, "SERVER_ERROR")
	if !strings.Contains(fail.Message, "Log in with: gatehouse login guarded") {
		t.Errorf("got %q, want what the user has to run", fail.Message)
	}
	if _, s := statusOf(t, g, "guarded"); s.Auth == nil || s.Auth.State != "needs-auth" {
		t.Errorf("got %+v as the login of the status, want needs-auth", s.Auth)
	}
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	agent.Execute(t, "guarded", "hello", nil).Good(t)
}

func TestLogin_moreScopes_areAskedForTogetherWithThoseBefore(t *testing.T) {
	t.Parallel()
	a, g, agent := beginGuarded(t, nil)
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	a.Change(func() { a.Scope = "write" })
	fail := agent.Execute(t, "guarded", "hello", nil).Failed(t, "SERVER_ERROR")
	if !strings.Contains(fail.Message, `"write"`) || !strings.Contains(fail.Message, "gatehouse login guarded") {
		t.Errorf("got %q, want the scope and what the user has to run", fail.Message)
	}
	if _, s := statusOf(t, g, "guarded"); s.Auth == nil || s.Auth.State != "needs-auth" || strings.Join(s.Auth.Wanted, " ") != "write" {
		t.Errorf("got %+v as the login of the status, want needs-auth for write", s.Auth)
	}
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine, "mcp", "write")
	agent.Execute(t, "guarded", "hello", nil).Good(t)
}

func TestLogin_wrongUse_isSaidSo(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"local": testkit.Fake(t), "own": {"url": "http://127.0.0.1:1/mcp", "headers": map[string]any{"Authorization": "Bearer ${HOME}"}}})
	cases := map[string]struct {
		args []string
		want string
	}{
		"no such server":      {[]string{"login", "locl"}, "there is no server"},
		"a stdio server":      {[]string{"login", "local"}, "started by a command"},
		"a header of its own": {[]string{"login", "own"}, "Authorization header"},
		"no server":           {[]string{"login"}, "SERVER is missing"},
		"no login":            {[]string{"logout", "local"}, "started by a command"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			operate(t, g, c.args...).want(t, exitUsage, c.want)
		})
	}
}

// Who kept a login and what is in it is for its user alone.
func TestLogin_filesAreTheUsersOwn(t *testing.T) {
	t.Parallel()
	_, g, _ := beginGuarded(t, nil)
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	paths, err := filepath.Glob(filepath.Join(g.Dir, "state", "gatehouse", "credentials", "*.json"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("got %v and %v, want one file", paths, err)
	}
	for path, want := range map[string]os.FileMode{paths[0]: 0o600, filepath.Dir(paths[0]): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("got %v and %v for %s, want %v", info.Mode().Perm(), err, path, want)
		}
	}
}

// Whatever is said of a login, nobody hears a token, also of a server that repeats it.
func TestLogin_noTokenIsShownAnywhere(t *testing.T) {
	t.Parallel()
	a, g, agent := beginGuarded(t, nil)
	got := runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	agent.Execute(t, "guarded", "hello", nil).Good(t)
	secrets := a.Tokens()
	for _, r := range a.Requests("/token") {
		secrets = append(secrets, r.Form.Get("code"), r.Form.Get("code_verifier"))
	}
	a.Expire(true) // From now on it answers 401 and repeats the header.
	fail := agent.Execute(t, "guarded", "hello", nil)
	g.Await(t, "login ended", "server", "guarded")
	said := []string{got.out, got.err, fail.Text, string(fail.Structured), g.Log.Text()}
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"status", "guarded"}, {"login", "--list"}, {"login", "--list", "--json"}, {"logs"}} {
		r := operate(t, g, args...)
		said = append(said, r.out, r.err)
	}
	for _, text := range said {
		for _, secret := range secrets {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("the secret %.9s... is shown in %.300q, want it nowhere", secret, text)
			}
		}
	}
}

func TestLogin_aTokenThatDies_losesNoCall(t *testing.T) {
	t.Parallel()
	a, g, agent := beginGuarded(t, func(a *testkit.AuthServer) { a.Rotate = true })
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	agent.Execute(t, "guarded", "hello", nil).Good(t)
	agent.Execute(t, "twin", "hello", nil).Good(t)
	a.Expire(false)
	var pending []*testkit.Pending
	for i := range 20 {
		pending = append(pending, agent.Go(t.Context(), []string{"guarded", "twin"}[i%2], "hello", nil))
	}
	for _, p := range pending {
		p.Wait(t).Good(t)
	}
	if n := a.Grants("refresh_token"); n != 1 {
		t.Errorf("got %d renewals, want 1", n)
	}
	if n := g.Count(0, "server crashed"); n != 0 {
		t.Errorf("%d crashes are logged, want 0", n)
	}
}

func TestLogin_ofClientCredentials_isTheGatewaysOwn(t *testing.T) {
	t.Parallel()
	a := testkit.StartAuthServer(t)
	a.Add("robot", "marked-client-secret", "client_secret_post", "")
	servers := testkit.Servers{"guarded": {"url": a.MCP(), "gateway": map[string]any{"auth": map[string]any{
		"type": "client_credentials", "client_id": "robot", "client_secret": "${ROBOT_SECRET}", "token_endpoint_auth_method": "client_secret_post",
	}}}}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Rules: testkit.AllowAll("a"), Args: quick, Env: []string{"ROBOT_SECRET=marked-client-secret"},
	})
	agent := g.Agent(t, "a")
	agent.Execute(t, "guarded", "hello", nil).Good(t)
	a.Expire(true)
	agent.Execute(t, "guarded", "hello", nil).Good(t) // It gets another.
	a.Change(func() {
		a.TokenStatus, a.TokenBody = 401, `{"error":"invalid_client","error_description":"marked-client-secret"}`
	})
	a.Expire(true)
	fail := agent.Execute(t, "guarded", "hello", nil)
	if fail.Code() == "" || strings.Contains(fail.Text, "gatehouse login") {
		t.Errorf("got %s, want a failure that asks nobody to log in", fail.Text)
	}
	if text := fail.Text + string(fail.Structured) + g.Log.Text() + operate(t, g, "status", "--json").out; strings.Contains(text, "marked-client-secret") {
		t.Error("the client's secret is shown, want it nowhere")
	}
}
