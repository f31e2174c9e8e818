package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/policy"
)

// The attacks of ".." and control characters, in the spellings that servers take.
func TestRefusedURI(t *testing.T) {
	for _, uri := range []string{
		"file:///a/../b", "file:///..", "file:///a/..", "../x", "..", "file:..", "file://../x", "memo:a/..", "file:///C:../x",
		`file:///a\..\b`, `..\x`, `file:///a/..\b`,
		"file:///a/%2e%2e/b", "file:///a/%2E./b", "file:///a/.%2e/b", "file:///a%2f..%2fb", "file:///a%2F%2e%2e%2Fb", "file:///a%5c..%5Cb",
		"file:///a/%252e%252e/b", "file:///a/%25252e./b", "file:///a%252f../b", "file:///a/%25%32%65%2e/b",
		"file:///a/..;/b", "file:///a/..;x=1/b", "file:///a/%2e%2e%3b/b", "file:///a/..%3bx/b", "file:///a/.. /b", "file:///a/%20../b",
		"file:///a/%c0%ae%c0%ae/b", "file:///a/%e0%80%ae./b", "file:///a/..%c0%afb", "file:///a/%f0%80%80%ae./b", "file:///a/%c0%a5c0%ae./b",
		"file:///a/\uff0e\uff0e/b", "file:///a/\u2025/b", "file:///a\uff0f..\uff0fb",
		"https://h/a/../b?x", "https://h/a/..?x", "https://h/a/..#x", "https://h/a%3f/../b", "file:///a?/../b", "file:///a#/../b", "FILE:///a?/../b",
		"file:///{a}/../{b}", "db://t/../u",
		"file:///a\nb", "file:///a\x00", "file:///a\x7f", "file:///a\u0085b", "file:///a\u009fb", "file:///a\tb", "x\r", "https://h/?a=\n",
		"file:///a%00", "file:///a%0d%0Ab", "file:///a%7F", "file:///a%c2%85b", "file:///a%85", "file:///a%2500", "https://h/x?a=%0a", "file:///%c0%80",
	} {
		if !policy.RefusedURI(uri) {
			t.Errorf("%q: got taken, want refused", uri)
		}
	}
	for _, uri := range []string{
		"", "file:///a/b", "file:///a/...", "file:///a/..b", "file:///a/b..", "file:///a/.../b", "file:///a/./b", "file:///a//b", "file:///a/.hidden",
		"https://h/a?b=/../c", "https://h/a?b=..", "https://h/a#/../b", "db://t/a..b/c", "file:///{path}", "file:///{+path}",
		"file:///a%20b", "file:///a%", "file:///a%2", "file:///a%zz", "file:///%E4%BD%A0", "file:///\u4f60\u597d", "file:///caf\u00e9", "file:///caf%C3%A9",
		"urn:isbn:1", "a.b", "git+ssh://git@h/x..y",
	} {
		if policy.RefusedURI(uri) {
			t.Errorf("%q: got refused, want taken", uri)
		}
	}
}

// What a deny has to catch, and what it has to leave.
func TestDecideResource_denyMatchesWhatAURIMeans(t *testing.T) {
	for deny, uris := range map[string]struct{ denied, left []string }{
		"file:///secret/*": {
			[]string{
				"file:///secret/x", "FILE:///secret/x", "File:///secret/x", "file:///%73ecret/x", "file:///s%65cret/%78", "file:///%2573ecret/x",
				"file:////secret/x", "file:///secret//x", "file:///./secret/x", "file:///secret/./x", "file:///.//secret/x", "file:///%2e/secret/x",
				"file:/secret/x", "file://localhost/secret/x", "file://LOCALHOST/secret/x", "file://u:p@localhost/secret/x", `file:///secret\x`, `file:\\\secret\x`,
				"file:///secret%2fx", "file:///secret/x?y", "file:///secret/x#y", "file:///secret/{name}", "file:///%c0%aesecret/../secret/x",
			},
			[]string{"file:///Secret/x", "file:///secrets/x", "file:///public/secret/x", "file:///secret", "http://h/secret/x", "file:///a?/secret/x", "file://h/secret/x"},
		},
		"file:///secret": {
			[]string{"file:///secret", "file:///secret?x", "file:///secret#x", "file:///%73ecret", "file:////secret", "file:/secret"},
			[]string{"file:///secret/x", "file:///secret%3fx/y", "file:///a?secret"},
		},
		"https://Example.com/admin/*": {
			[]string{
				"https://example.com/admin/x", "https://EXAMPLE.COM/admin/x", "https://example.com:443/admin/x", "https://example.com:/admin/x",
				"https://example.com:0443/admin/x", "https://u@example.com/admin/x", "https://u:p@example.com:443/admin/x", "https://a@b@example.com/admin/x",
				"HTTPS://example.com//admin/x", "https://example.com./admin/x", "https:example.com/admin/x", "https:///example.com/admin/x", `https:\\example.com\admin\x`,
				"https://%65xample.com/%61dmin/x?q", `https://a\@example.com/admin/x`,
			},
			[]string{"https://example.com:444/admin/x", "https://example.org/admin/x", "https://example.com.evil/admin/x", "https://example.com/?/admin/x", "http://example.com/admin/x", "https://example.com@h/admin/x"},
		},
		"https://h:8443/%61/*": {[]string{"https://h:8443/a/x", "https://H:8443/%61/x"}, []string{"https://h/a/x"}},
		"https://u@h/*":        {[]string{"https://u@h/x"}, []string{"https://h/x", "https://v@h/x"}},
		"http://[::1]/*":       {[]string{"http://[::1]/x", "http://[::1]:80/x"}, []string{"http://[::1]:81/x", "http://[::2]/x"}},
		"*://*/private/*":      {[]string{"db://t/private/x", "DB://t//private/x", "db://t/%70rivate/x"}, []string{"db://t/Private/x"}},
		"https://h/a?token=*":  {[]string{"https://h/a?token=1", "https://H/a?token=1"}, []string{"https://h/a?Token=1", "https://h/a"}},
		"memo:x":               {[]string{"memo:x", "MEMO:x", "memo:%78"}, []string{"memo:X", "memo:xy"}},
		"file:///caf\u00e9":    {[]string{"file:///caf\u00e9", "file:///caf%C3%A9", "file:///caf%c3%a9"}, []string{"file:///cafe"}},
		"file:///caf%c3%a9":    {[]string{"file:///caf%C3%A9", "file:///caf%c3%a9"}, nil},
	} {
		p := policy.Compile(rules(true, person{id: "a", allow: access{servers: []string{"s"}}, deny: access{resources: [][]string{{"s", deny}}}}))
		for _, uri := range uris.denied {
			if got := p.DecideResource("a", "s", uri); got.Allow {
				t.Errorf("deny of %q: got %q allowed by %s, want it denied", deny, uri, got.Step)
			}
		}
		for _, uri := range uris.left {
			if got := p.DecideResource("a", "s", uri); !got.Allow {
				t.Errorf("deny of %q: got %q denied by %s, want it allowed", deny, uri, got.Step)
			}
		}
	}
}

func TestDecideResource_allowComparesBytes(t *testing.T) {
	p := policy.Compile(rules(true, person{id: "a", allow: access{servers: []string{"s"}, resources: [][]string{{"s", "file:///pub/*", "https://h/x"}}}}))
	for _, uri := range []string{"file:///pub/x", "file:///pub/", "file:///pub/x?y", "https://h/x"} {
		if got := p.DecideResource("a", "s", uri); !got.Allow {
			t.Errorf("got %q denied by %s, want it allowed", uri, got.Step)
		}
	}
	for _, uri := range []string{
		"FILE:///pub/x", "file:///%70ub/x", "file:////pub/x", "file:/pub/x", "file:///Pub/x", "https://H/x", "https://u@h/x", "https://h:443/x", "https://h//x",
	} {
		if got := p.DecideResource("a", "s", uri); got.Allow {
			t.Errorf("got %q allowed by %s, want it denied", uri, got.Step)
		}
	}
}

// However a URI is written, a deny of its plain form catches it.
func TestDecideResource_everySpellingOfAURI_isDenied(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := chance{rand.New(rand.NewPCG(seed, 0))}
	for range 5000 {
		host, segments := c.letters(), []string{c.letters(), c.letters(), c.letters()}
		plain := "http://" + host + "/" + strings.Join(segments, "/")
		pattern := plain[:len("http://"+host)+1+c.IntN(len(plain)-len("http://"+host)-1)] + "*"
		if c.IntN(2) == 0 {
			pattern = plain
		}
		spelt := c.spelling(host, segments)
		p := policy.Compile(rules(true, person{id: "a", allow: access{servers: []string{"s"}}, deny: access{resources: [][]string{{"s", pattern}}}}))
		if got := p.DecideResource("a", "s", spelt); got.Allow {
			t.Fatalf("seed %d: deny of %q: got %q allowed by %s, want it denied", seed, pattern, spelt, got.Step)
		}
	}
}

func (c chance) letters() string {
	b := make([]byte, 1+c.IntN(4))
	for i := range b {
		b[i] = "abxyz09-_~"[c.IntN(10)]
	}
	return string(b)
}

// spelling writes an http URI in another way that means the same.
func (c chance) spelling(host string, segments []string) string {
	one := func(of ...string) string { return of[c.IntN(len(of))] }
	encode := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			if c.IntN(3) == 0 {
				fmt.Fprintf(&b, one("%%%02x", "%%%02X", "%%25%02x"), s[i])
			} else {
				b.WriteByte(s[i])
			}
		}
		return b.String()
	}
	if c.IntN(2) == 0 {
		host = strings.ToUpper(host)
	}
	uri := one("http", "HTTP", "hTTp") + ":" + one("//", "///", `\\`, "") + one("", "u@", "u:p@", "@") + encode(host) + one("", ":", ":80", ":0080", ".")
	for _, s := range segments {
		uri += one("/", "//", "/./", `\`, "/%2e/", "/.//") + encode(s)
	}
	return uri + one("", "#x", "#")
}

// FuzzURI checks what must hold of every text: the first meaning is the text, the
// rest is bounded, and a deny of the text's own meaning catches it.
func FuzzURI(f *testing.F) {
	for _, uri := range []string{"", "file:///%73ecret/x", "HTTP://U@H:80//a/./b?c#d", "%%36%35", "a:%c0%ae%c0%ae/", "//", "file:", `\\`, "x://[::1]:0/", "%252e%252e/"} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		meanings := policy.Meanings(uri)
		if meanings[0] != uri || len(meanings) > 10 {
			t.Fatalf("got %q, want at most ten spellings that begin with the URI", meanings)
		}
		for _, m := range meanings {
			if len(m) > 3*len(uri)+4 {
				t.Fatalf("got %d bytes for %d, want them bounded", len(m), len(uri))
			}
		}
		if !slices.Contains(meanings, policy.MeaningOf(uri)) {
			t.Fatalf("got %q, want %q among them, as a deny of the URI means that", meanings, policy.MeaningOf(uri))
		}
		for _, climbing := range []string{uri + "/../x", uri + "/%2e%2e/x"} {
			if path, _, query := strings.Cut(uri, "?"); !query && !strings.Contains(path, "#") && !policy.RefusedURI(climbing) {
				t.Fatalf("got %q taken, want refused", climbing)
			}
		}
	})
}
