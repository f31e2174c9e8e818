package tracecontext_test

import (
	"strings"
	"testing"

	"gatehouse/internal/tracecontext"
)

const (
	parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	other  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

// headers are those of a request: names and values in turn.
func headers(pairs ...string) map[string][]string {
	h := map[string][]string{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = append(h[pairs[i]], pairs[i+1])
	}
	return h
}

func show(c *tracecontext.Context) string {
	if c == nil {
		return "none"
	}
	return c.Parent + "|" + c.State + "|" + c.Baggage
}

func TestOfHeaders(t *testing.T) {
	long := strings.Repeat("x", tracecontext.MaxBytes-2)
	for _, c := range []struct {
		name    string
		headers map[string][]string
		want    string
	}{
		{"none", headers("Accept", "x"), "none"},
		{"a parent", headers("Traceparent", parent), parent + "||"},
		{"one that is not sampled", headers("Traceparent", other), other + "||"},
		{"all three", headers("Traceparent", parent, "Tracestate", "a=1", "Baggage", "b=2"), parent + "|a=1|b=2"},
		{"lists in pieces", headers("Traceparent", parent, "Tracestate", "a=1", "Tracestate", "b=2", "Baggage", "c=3", "Baggage", "d=4"), parent + "|a=1,b=2|c=3,d=4"},
		{"baggage alone", headers("Baggage", "b=2"), "||b=2"},
		{"a state without a parent", headers("Tracestate", "a=1"), "none"},
		{"two parents", headers("Traceparent", parent, "Traceparent", other, "Tracestate", "a=1"), "none"},
		{"a malformed parent takes its state along", headers("Traceparent", "00-x", "Tracestate", "a=1", "Baggage", "b=2"), "||b=2"},
		{"as much as may be", headers("Baggage", "b="+long), "||b=" + long},
		{"a byte more", headers("Baggage", "b="+long+"x"), "none"},
		{"more in pieces", headers("Baggage", "b="+long, "Baggage", "x"), "none"},
		{"a state that is too long", headers("Traceparent", parent, "Tracestate", "a="+long+"x"), parent + "||"},
		{"what is not ASCII", headers("Baggage", "b=ü"), "none"},
	} {
		if got := show(tracecontext.OfHeaders(c.headers)); got != c.want {
			t.Errorf("%s: got %.200s, want %.200s", c.name, got, c.want)
		}
	}
}

func TestOfHeaders_followsWellFormedParentsOnly(t *testing.T) {
	good := []string{
		parent, other,
		"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes-later",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff",
	}
	bad := []string{
		"", "00", strings.ToUpper(parent), parent + "-", parent + "-x", parent + " ", " " + parent, parent[:54],
		"ff" + parent[2:], "0g" + parent[2:], "01" + parent[2:] + "x",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
		strings.ReplaceAll(parent, "-", "_"), "01" + parent[2:] + "-\n", "01" + parent[2:] + "-" + strings.Repeat("x", tracecontext.MaxBytes),
	}
	for _, p := range good {
		if got := tracecontext.OfHeaders(headers("Traceparent", p)); got == nil || got.Parent != p {
			t.Errorf("got %s, want the parent %q", show(got), p)
		}
	}
	for _, p := range bad {
		if got := tracecontext.OfHeaders(headers("Traceparent", p)); got != nil {
			t.Errorf("got %s of %.100q, want none", show(got), p)
		}
	}
}

func TestOf_whatMetaSaysWins(t *testing.T) {
	all := tracecontext.OfHeaders(headers("Traceparent", other, "Tracestate", "h=1", "Baggage", "h=2"))
	for _, c := range []struct{ name, meta, want string }{
		{"nothing", ``, other + "|h=1|h=2"},
		{"other members", `{"x":1}`, other + "|h=1|h=2"},
		{"a parent, whose state is none", `{"traceparent":"` + parent + `"}`, parent + "||h=2"},
		{"a parent with its state", `{"traceparent":"` + parent + `","tracestate":"m=1"}`, parent + "|m=1|h=2"},
		{"baggage", `{"baggage":"m=2"}`, other + "|h=1|m=2"},
		{"all", `{"traceparent":"` + parent + `","tracestate":"m=1","baggage":"m=2"}`, parent + "|m=1|m=2"},
		{"with escapes", `{"trace\u0070arent":"\u0030` + parent[1:] + `"}`, parent + "||h=2"},
		{"a malformed one is not followed", `{"traceparent":"00-ab-cd-01","tracestate":"m=1"}`, "||h=2"},
		{"what is no text", `{"traceparent":7,"baggage":{}}`, "none"},
		{"what would end a header", `{"baggage":"a=1\r\nX-Evil: 1"}`, other + "|h=1|"},
		{"what is too long is absent", `{"baggage":"` + strings.Repeat("x", tracecontext.MaxBytes+1) + `"}`, other + "|h=1|h=2"},
	} {
		if got := show(tracecontext.Of([]byte(c.meta), all)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add(`{"traceparent":"`+parent+`","baggage":"a=1"}`, other, "a=1")
	f.Fuzz(func(t *testing.T, meta, traceparent, baggage string) {
		c := tracecontext.Of([]byte(meta), tracecontext.OfHeaders(headers("Traceparent", traceparent, "Baggage", baggage)))
		c.Headers(func(name, value string) {
			if len(value) > tracecontext.MaxBytes || strings.ContainsAny(value, "\r\n\x00") {
				t.Errorf("got %s: %q, want what a header can have", name, value)
			}
		})
	})
}
