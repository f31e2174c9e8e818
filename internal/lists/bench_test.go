package lists_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/lists"
)

// BenchmarkRecall_of100 is what the lists of 100 servers with 20 tools each add to
// the start of a gateway.
func BenchmarkRecall_of100(b *testing.B) {
	state := b.TempDir()
	s := lists.Open(state, func(err error) { b.Error(err) })
	var fingerprints []string
	for i := range 100 {
		var definitions []string
		for j := range 20 {
			definitions = append(definitions, fmt.Sprintf(`{"name":"t%d","description":%q,"inputSchema":{"type":"object"}}`, j, strings.Repeat("words ", 60)))
		}
		fingerprints = append(fingerprints, fmt.Sprint("f", i))
		c := catalog(definitions...)
		s.Keep(fingerprints[i], c, now)
	}
	for b.Loop() {
		if got := lists.Open(state, nil).Recall(fingerprints, now); len(got) != 100 {
			b.Fatalf("got %d lists, want 100", len(got))
		}
	}
}
