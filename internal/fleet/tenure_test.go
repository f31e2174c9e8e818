package fleet_test

import (
	"testing"
	"time"

	"gatehouse/internal/fleet"
)

// at returns a moment some seconds after the machine was started.
func at(seconds float64) fleet.Instant {
	return fleet.Instant(seconds * float64(time.Second))
}

const granted = 10 * time.Second

func TestTenure_endsBeforeItsLeaseCan(t *testing.T) {
	tenure := fleet.NewTenure(at(100), at(100.1), granted)
	for _, c := range []struct {
		what string
		got  fleet.Instant
		want fleet.Instant
	}{
		{"the next renewal", tenure.NextRenewal(), at(102.5)},
		{"its own stop", tenure.Stop(), at(108)},
		{"the guard's", tenure.Guard(), at(109)},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %d, want %d", c.what, c.got, c.want)
		}
	}
}

func TestTenure_whatThereIsToDo(t *testing.T) {
	fresh := fleet.NewTenure(at(100), at(100.1), granted)
	for _, c := range []struct {
		name   string
		tenure fleet.Tenure
		now    fleet.Instant
		want   fleet.Act
	}{
		{"none at all", fleet.Tenure{}, at(1), fleet.StopOwned},
		{"just granted", fresh, at(100.1), fleet.Wait},
		{"a renewal is due", fresh, at(102.5), fleet.RenewNow},
		{"it is still due, as none succeeded", fresh, at(107.9), fleet.RenewNow},
		{"too late", fresh, at(108), fleet.StopOwned},
		{"renewed in time", fresh.Renewed(at(102.5), at(102.6)), at(104.9), fleet.Wait},
		{"a renewal counts from its sending", fresh.Renewed(at(102.5), at(107.5)), at(105), fleet.RenewNow},
		{"... and so does its end", fresh.Renewed(at(102.5), at(107.5)), at(110.5), fleet.StopOwned},
		{"an answer that comes after the end", fresh.Renewed(at(107), at(108)), at(108), fleet.StopOwned},
		{"... is none for ever", fresh.Renewed(at(107), at(108)).Renewed(at(108), at(108.1)), at(108.2), fleet.StopOwned},
		{"an older answer comes last", fresh.Renewed(at(105), at(105.1)).Renewed(at(102), at(105.2)), at(107.4), fleet.Wait},
		{"the lease is gone", fresh.Lost(), at(100.2), fleet.StopOwned},
		{"the lease is gone, and then one more answer", fresh.Lost().Renewed(at(101), at(101.1)), at(101.2), fleet.StopOwned},
		{"it was late and nobody looked until the next answer", fresh.At(at(108)), at(100.2), fleet.StopOwned},
		{"granted, but the answer took too long", fleet.NewTenure(at(100), at(108), granted), at(100), fleet.StopOwned},
	} {
		if got, _ := c.tenure.Next(c.now); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
		if got, want := c.tenure.Holds(c.now), c.want != fleet.StopOwned; got != want {
			t.Errorf("%s: got %v for whether it holds, want %v", c.name, got, want)
		}
	}
}

func TestTenure_saysWhenToAskAgain(t *testing.T) {
	fresh := fleet.NewTenure(at(100), at(100.1), granted)
	if _, got := fresh.Next(at(101)); got != at(102.5) {
		t.Errorf("got %d while waiting for the renewal, want %d", got, at(102.5))
	}
	if _, got := fresh.Next(at(103)); got != at(108) {
		t.Errorf("got %d while the renewal is under way, want the stop at %d", got, at(108))
	}
}

func TestTenure_left(t *testing.T) {
	fresh := fleet.NewTenure(at(100), at(100.1), granted)
	if got, want := fresh.Left(at(103)), 5*time.Second; got != want {
		t.Errorf("got %v left, want %v", got, want)
	}
	if got := fresh.Left(at(120)); got != 0 {
		t.Errorf("got %v left after its end, want 0", got)
	}
	if got, want := fresh.Try(), granted/8; got != want {
		t.Errorf("got %v for one try, want %v", got, want)
	}
}
