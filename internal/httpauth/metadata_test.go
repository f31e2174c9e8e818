package httpauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/httpauth"
	"gatehouse/internal/identity"
)

func TestParsePublic(t *testing.T) {
	cases := []struct{ text, resource, metadata string }{
		{"https://gw.example.com", "https://gw.example.com/mcp", "https://gw.example.com/.well-known/oauth-protected-resource/mcp"},
		{"https://GW.example.com/", "https://gw.example.com/mcp", "https://gw.example.com/.well-known/oauth-protected-resource/mcp"},
		{"https://gw.example.com:8443/mcp", "https://gw.example.com:8443/mcp", "https://gw.example.com:8443/.well-known/oauth-protected-resource/mcp"},
		{"http://gw.example.com/team/mcp/", "http://gw.example.com/team/mcp", "http://gw.example.com/.well-known/oauth-protected-resource/team/mcp"},
	}
	for _, c := range cases {
		p, err := httpauth.ParsePublic(c.text)
		if err != nil || p.Resource != c.resource || p.MetadataURL != c.metadata {
			t.Errorf("%s: got %+v, %v, want %s with %s", c.text, p, err, c.resource, c.metadata)
		}
	}
	for _, bad := range []string{"", "gw.example.com", "ftp://gw.example.com", "https://", "https://u:p@gw.example.com", "https://gw.example.com/?x=1", "https://gw.example.com/#x", "https://gw.example.com/\"", "https://gw.example.com/a b"} {
		if p, err := httpauth.ParsePublic(bad); err == nil {
			t.Errorf("%q is taken for %+v, want an error", bad, p)
		}
	}
}

func TestMetadata_tellsWhereTokensAre(t *testing.T) {
	p, err := httpauth.ParsePublic("https://gw.example.com")
	if err != nil {
		t.Fatal(err)
	}
	get := func(set *identity.Set) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		httpauth.Metadata(p, func() *identity.Set { return set }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, p.MetadataPath, http.NoBody))
		return w
	}
	var got map[string]any
	if err := json.Unmarshal(get(credentials(true)).Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"resource": "https://gw.example.com/mcp", "resource_name": "gatehouse",
		"authorization_servers": []any{issuer}, "bearer_methods_supported": []any{"header"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for path, want := range map[string]string{
		"/.well-known/oauth-protected-resource/all/mcp":             "https://gw.example.com/all/mcp",
		"/.well-known/oauth-protected-resource/servers/my%20db/mcp": "https://gw.example.com/servers/my%20db/mcp",
		"/.well-known/oauth-protected-resource/servers/x%22y/mcp":   "https://gw.example.com/servers/x%22y/mcp",
		"/.well-known/oauth-protected-resource/servers/a/b/mcp":     "https://gw.example.com/mcp",
		"/.well-known/oauth-protected-resource/team/servers/db/mcp": "https://gw.example.com/mcp", // It is not this gateway's.
		"/.well-known/oauth-protected-resource/servers/all/mcp":     "https://gw.example.com/servers/all/mcp",
		"/.well-known/oauth-protected-resource":                     "https://gw.example.com/mcp",
	} {
		w := httptest.NewRecorder()
		httpauth.Metadata(p, func() *identity.Set { return credentials(true) }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		var got struct{ Resource string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Resource != want {
			t.Errorf("%s: got %q %v, want %q", path, got.Resource, err, want)
		}
	}
	team, err := httpauth.ParsePublic("https://gw.example.com/team/servers")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/.well-known/oauth-protected-resource/team/servers/all/mcp", "/.well-known/oauth-protected-resource/all/mcp"} {
		w := httptest.NewRecorder()
		httpauth.Metadata(team, func() *identity.Set { return credentials(true) }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		var got struct{ Resource string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Resource != "https://gw.example.com/team/servers/all/mcp" {
			t.Errorf("%s: got %q %v, want all of the gateway below /team/servers", path, got.Resource, err)
		}
	}
	if w := get(credentials(false)); w.Code != http.StatusNotFound {
		t.Errorf("without an issuer: status %d", w.Code)
	}
}
