package plural_test

import (
	"testing"

	"gatehouse/internal/plural"
)

func TestOf_countsAsPeopleDo(t *testing.T) {
	for n, want := range map[int]string{0: "0 files", 1: "1 file", 2: "2 files"} {
		if got := plural.Of(n, "file"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got, want := plural.Of(uint64(3), "try", "tries"), "3 tries"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := plural.Of(uint64(1), "try", "tries"), "1 try"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
