package surface_test

import (
	"testing"

	"gatehouse/internal/front/surface"
)

// A prefixed URI has one spelling, and is of one server.
func FuzzPrefixedURI(f *testing.F) {
	for _, uri := range []string{"gatehouse://db/file:///a", "gatehouse://a%2Fb/x", "gatehouse://a%2fb/x", "gatehouse://%64b/x", "gatehouse:///x", "gatehouse://db/", "gatehouse://%/x", "GATEHOUSE://db/x"} {
		f.Add(uri, "db")
	}
	f.Add("x", "a/b%ä\x00")
	f.Fuzz(func(t *testing.T, uri, server string) {
		if of, own, ok := surface.SplitURI(uri); ok && surface.PrefixedURI(of, own) != uri {
			t.Errorf("%q: got %q of %q, which is written %q: want the one spelling", uri, own, of, surface.PrefixedURI(of, own))
		}
		if uri == "" {
			return
		}
		of, own, ok := surface.SplitURI(surface.PrefixedURI(server, uri))
		if !ok || of != server || own != uri {
			t.Errorf("%q of %q: got %q of %q, %v, want it back", uri, server, own, of, ok)
		}
	})
}
