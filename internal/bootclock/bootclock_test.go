package bootclock_test

import (
	"runtime"
	"testing"

	"gatehouse/internal/bootclock"
)

func TestNow_goesForwardOnLinux_andIsAnErrorElsewhere(t *testing.T) {
	first, err := bootclock.Now()
	if runtime.GOOS != "linux" {
		if err == nil {
			t.Fatalf("got %d, want an error: this system has no such clock", first)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	second, err := bootclock.Now()
	if err != nil || first <= 0 || second < first {
		t.Errorf("got %d, then %d (%v), want a clock that goes forward", first, second, err)
	}
	if left, err := bootclock.Until(second); err != nil || left > 0 {
		t.Errorf("got %v (%v) until what has been, want nothing more", left, err)
	}
}
