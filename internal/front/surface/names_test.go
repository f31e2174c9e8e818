package surface_test

import (
	"strings"
	"testing"

	"gatehouse/internal/front/surface"
)

func TestJoinedName_isPlain_unlessItMustNotBe(t *testing.T) {
	for _, c := range []struct{ server, name, want string }{
		{"db", "query", "db__query"},
		{"my-db", "list_tables", "my-db__list_tables"},
		{"a", strings.Repeat("x", 45), "a__" + strings.Repeat("x", 45)},
		{"a", strings.Repeat("x", 46), ""},
		{"my db", "query", ""},
		{"db", "query.all", ""},
		{"db", "größe", ""},
		{"a__b", "c", ""},
		{"a", "b__c", ""},
		{"a_", "b", ""},
		{"a", "_b", ""},
		{"db", "query_0123abcd", ""},
		{"db", "\xff", ""},
	} {
		got := surface.JoinedName(c.server, c.name)
		if c.want != "" && got != c.want {
			t.Errorf("%s, %s: got %s, want %s", c.server, c.name, got, c.want)
		}
		if c.want == "" && (got == c.server+"__"+c.name || len(got) > 48 || got[len(got)-9] != '_' || strings.Trim(got, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "") {
			t.Errorf("%s, %s: got %q, want at most 48 letters, digits, _ and - that end in a hash", c.server, c.name, got)
		}
	}
}

// No two things have one name, whatever servers are called and whatever they call
// their tools.
func FuzzJoinedName(f *testing.F) {
	f.Add("a_", "b", "a", "_b")
	f.Add("a__b", "c", "a", "b__c")
	f.Add("a b", "c", "a_b", "c")
	f.Add("a b", "c", "a_b", strings.TrimPrefix(surface.JoinedName("a b", "c"), "a_b__"))
	f.Fuzz(func(t *testing.T, server, name, otherServer, otherName string) {
		got, other := surface.JoinedName(server, name), surface.JoinedName(otherServer, otherName)
		if len(got) > 48 || got == "" || strings.Trim(got, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			t.Errorf("got %q, want a name that clients take", got)
		}
		if got == other && (server != otherServer || name != otherName) {
			t.Errorf("got %q for %q, %q and for %q, %q; want different names", got, server, name, otherServer, otherName)
		}
	})
}
