package restart_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/restart"
)

// A history that has gone through Encode must lead to the same verdicts.
func TestEncode_theNextOwnerDecidesAlike(t *testing.T) {
	policy := restart.Policy{Initial: time.Second, Max: time.Minute, MaxFailures: 3, Window: time.Minute, Quarantine: time.Hour}
	here, there := restart.History{}, restart.History{}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for n := range 6 {
		f := restart.Failure{At: at.Add(time.Duration(n) * time.Second), Phase: endpoint.Handshake, Reason: "exit status 3"}
		var want, got restart.Verdict
		want, here = restart.Next(policy, here, f, 0.5)
		decoded, err := restart.Decode(there.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if got, there = restart.Next(policy, decoded, f, 0.5); got != want {
			t.Errorf("failure %d: got %+v, want %+v", n, got, want)
		}
	}
	if got := there.Quarantined(); !got {
		t.Errorf("quarantined: got %t, want true", got)
	}
}

func TestEncode_ofNothingIsNothing(t *testing.T) {
	if got := (restart.History{}).Encode(); got != nil {
		t.Errorf("got %q, want nothing", got)
	}
	if got, err := restart.Decode(nil); err != nil || got.Quarantined() {
		t.Errorf("got %+v, %v; want the zero history", got, err)
	}
}

func TestDecode_refusesWhatCannotBe(t *testing.T) {
	for _, text := range []string{"no", `{"attempts":-1}`, `{"never":-1}`, `{"recent":[` + strings.Repeat(`"2026-01-02T03:04:05Z",`, 2000) + `"2026-01-02T03:04:05Z"]}`} {
		if got, err := restart.Decode([]byte(text)); err == nil || got.Encode() != nil {
			t.Errorf("%.40s: got %+v and no error, want one and the zero history", text, got)
		}
	}
}
