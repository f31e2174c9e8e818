package httpauth_test

import "testing"

// FuzzAuthorize sends what is in nobody's rules: it never lets anybody in.
func FuzzAuthorize(f *testing.F) {
	f.Add("Bearer", "x")
	f.Add("bearer gatehouse_", "")
	f.Add("Basic YTpi", "Bearer a.b.c")
	f.Add("Bearer eyJhbGciOiJub25lIn0.e30.", "")
	keys := &counted{answer: published(f, newKey(f, "one"))}
	g := gate(credentials(true), keys, nil, nil)
	f.Fuzz(func(t *testing.T, first, second string) {
		sent := []string{first}
		if second != "" {
			sent = append(sent, second)
		}
		if w, who := ask(g, sent...); who != nil || w.Code < 400 {
			t.Errorf("%q: got %v with status %d, want a refusal", sent, who, w.Code)
		}
	})
}
