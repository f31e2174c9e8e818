package login_test

import (
	"reflect"
	"testing"

	"gatehouse/internal/login"
)

func TestParseChallenge(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		headers []string
		want    login.Challenge
	}{
		"none":             {nil, login.Challenge{}},
		"another scheme":   {[]string{`Basic realm="x", charset="UTF-8"`}, login.Challenge{}},
		"bearer alone":     {[]string{"bearer"}, login.Challenge{Bearer: true}},
		"all of it":        {[]string{`Bearer error="invalid_token", resource_metadata="https://x/y?a=b,c", scope="a b a"`}, login.Challenge{Bearer: true, Metadata: "https://x/y?a=b,c", Scopes: []string{"a", "b"}, Error: "invalid_token"}},
		"without quotes":   {[]string{`Bearer resource_metadata=https://x/y,scope=a`}, login.Challenge{Bearer: true, Metadata: "https://x/y", Scopes: []string{"a"}}},
		"spaces, escapes":  {[]string{`BEARER  Scope = "a\"b c" , error="x"`}, login.Challenge{Bearer: true, Scopes: []string{"c"}, Error: "x"}},
		"the second one":   {[]string{`Basic realm="Bearer scope=no", Bearer scope="yes"`}, login.Challenge{Bearer: true, Scopes: []string{"yes"}}},
		"of several lines": {[]string{`Negotiate abc==`, `Bearer scope="yes"`}, login.Challenge{Bearer: true, Scopes: []string{"yes"}}},
		"the first counts": {[]string{`Bearer scope="a", scope="b"`, `Bearer scope="c"`}, login.Challenge{Bearer: true, Scopes: []string{"a"}}},
		"never closed":     {[]string{`Bearer scope="a b`}, login.Challenge{Bearer: true, Scopes: []string{"a", "b"}}},
		"an escape at end": {[]string{`Bearer scope="a\`}, login.Challenge{Bearer: true, Scopes: []string{"a"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := login.ParseChallenge(c.headers); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func FuzzParseChallenge(f *testing.F) {
	f.Add(`Bearer realm="x", scope="a b", resource_metadata="https://x"`)
	f.Add(`Basic abc==, Bearer scope=a`)
	f.Fuzz(func(t *testing.T, header string) {
		if c := login.ParseChallenge([]string{header}); !c.Bearer && (c.Metadata != "" || c.Scopes != nil || c.Error != "") {
			t.Errorf("got %+v of %q, want nothing of what is no Bearer challenge", c, header)
		}
	})
}
