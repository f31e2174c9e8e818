package login_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/login"
	"gatehouse/testkit"
)

func TestLogin_byDevice_waitsForThePerson(t *testing.T) {
	t.Parallel()
	a, s, p := testkit.StartAuthServer(t), newStore(t), &person{}
	o := p.options(s)
	o.Device = true
	r, err := login.Login(within(t), target(a), o)
	if err != nil || !r.LoggedIn() || !r.Renews() {
		t.Fatalf("got %v, want a login that renews", err)
	}
	if said := strings.Join(p.said, "\n"); p.opened != "" || !strings.Contains(said, "WDJB-MJHT") || !strings.Contains(said, a.URL+"/device-page") {
		t.Errorf("got %q said and %q opened, want the code and the page said", said, p.opened)
	}
	if body := a.Requests("/register")[0].Body; !strings.Contains(body, "device_code") {
		t.Errorf("got the registration %s, want one with the grant", body)
	}
	for _, path := range []string{"/device", "/token"} {
		if got := a.Requests(path)[0].Form.Get("resource"); got != a.MCP() {
			t.Errorf("%s got the resource %q, want %q", path, got, a.MCP())
		}
	}
}

func TestLogin_byDevice_atThePageOfAnother_saysWhoGetsTheLogin(t *testing.T) {
	t.Parallel()
	a, p := testkit.StartAuthServer(t), &person{}
	a.Handle["/device"] = text(200, `{"device_code":"d","user_code":"u","interval":1,"expires_in":1,"verification_uri":"https://localhost/"}`)
	o := p.options(newStore(t))
	o.Device = true
	_, err := login.Login(within(t), target(a), o)
	if said := strings.Join(p.said, "\n"); !strings.Contains(said, a.URL) || !strings.Contains(said, "do not agree") {
		t.Errorf("got %q said and %v, want a word of who gets the login", said, err)
	}
}

func TestLogin_byDevice_withAServerThatLies_endsInASentence(t *testing.T) {
	t.Parallel()
	code := func(more string) http.HandlerFunc {
		return text(200, `{"device_code":"d","user_code":"u","interval":1`+more+`}`)
	}
	cases := map[string]struct {
		handle http.HandlerFunc
		token  string
		want   string
	}{
		"null":              {text(200, "null"), "", "no code"},
		"no JSON":           {text(200, "<html>"), "", "not valid JSON"},
		"a refusal":         {text(400, `{"error":"unauthorized_client","error_description":"no"}`), "", "unauthorized_client (no)"},
		"no page":           {code(""), "", "names none"},
		"a page of a cloud": {code(`,"verification_uri":"https://169.254.169.254/"`), "", "169.254.169.254"},
		"a script":          {code(`,"verification_uri":"javascript:alert(1)"`), "", "not a url"},
		"a complete page":   {code(`,"verification_uri":"https://127.0.0.1/","verification_uri_complete":"file:///x"`), "", "not a url"},
		"denied":            {code(`,"verification_uri":"https://127.0.0.1/"`), `{"error":"access_denied"}`, "access_denied"},
		"expired":           {code(`,"verification_uri":"https://127.0.0.1/"`), `{"error":"expired_token"}`, "expired_token"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s, p := testkit.StartAuthServer(t), newStore(t), &person{}
			a.Handle["/device"] = c.handle
			if c.token != "" {
				a.TokenStatus, a.TokenBody = 400, c.token
			}
			o := p.options(s)
			o.Device = true
			if _, err := login.Login(within(t), target(a), o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	a := testkit.StartAuthServer(t)
	a.Metadata = func(m map[string]any) { delete(m, "device_authorization_endpoint") }
	o := (&person{}).options(newStore(t))
	o.Device = true
	if _, err := login.Login(within(t), target(a), o); err == nil || !strings.Contains(err.Error(), "--manual") {
		t.Errorf("got %v where it is not offered, want what to do instead", err)
	}
}
