package jsonrpc_test

import (
	"testing"
	"time"

	"gatehouse/internal/mcpedge/jsonrpc"
)

func TestPace_isATwentiethOfACore(t *testing.T) {
	const cost, burst = 10 * time.Microsecond, time.Millisecond
	var p jsonrpc.Pace
	begun := time.Unix(1e9, 0)
	now := begun
	for i := range 10_000 {
		wait := p.Spend(cost, burst, now)
		if free := time.Duration(i+1)*cost <= burst; free != (wait == 0) {
			t.Fatalf("piece %d: got a wait of %v, want one only beyond %v at once", i, wait, burst)
		}
		now = now.Add(wait)
	}
	if got, want := now.Sub(begun), 20*(10_000*cost-burst); got < want-time.Millisecond || got > want+time.Millisecond {
		t.Errorf("10,000 pieces of %v: got them within %v, want %v", cost, got, want)
	}
	now = now.Add(time.Hour)
	if got := p.Spend(cost, burst, now); got != 0 {
		t.Errorf("after an hour: got a wait of %v, want 0", got)
	}
}
