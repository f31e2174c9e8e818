package agents_test

import (
	"strings"
	"testing"
)

// Each notification repeats the token, and a slow client lets many of them wait:
// a token without end would cost many times what its message was counted as.
func TestProgress_ofATokenThatIsTooLong_isNotSent(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	for size, want := range map[int]int{1000: 6, 2000: 1} {
		r := post(t, srv.URL, callWithToken("1", "progress", `"`+strings.Repeat("x", size)+`"`))
		if !strings.Contains(r.body, `"done"`) {
			t.Errorf("a token of %d bytes: got %d %.200s, want a result", size, r.status, r.body)
		}
		if got := max(1, len(r.events(t))); got != want {
			t.Errorf("a token of %d bytes: got %d messages, want %d", size, got, want)
		}
	}
}
