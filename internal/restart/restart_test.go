package restart_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/restart"
)

var policy = restart.Policy{
	Initial: 250 * time.Millisecond, Max: 30 * time.Second,
	MaxFailures: 5, Window: time.Minute, Quarantine: 5 * time.Minute,
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// middle is the rnd that adds no jitter.
const middle = 0.5

// crash is a failure of a run that was ready for a while.
func crash(at, readyFor time.Duration) restart.Failure {
	return restart.Failure{At: start.Add(at), Phase: endpoint.Serving, ReadyFor: readyFor}
}

func handshake(at time.Duration) restart.Failure {
	return restart.Failure{At: start.Add(at), Phase: endpoint.Handshake}
}

// story feeds failures one after the other and gives all verdicts.
func story(p restart.Policy, list ...restart.Failure) (out []restart.Verdict, h restart.History) {
	for _, f := range list {
		var v restart.Verdict
		v, h = restart.Next(p, h, f, middle)
		out = append(out, v)
	}
	return out, h
}

// show puts verdicts in short: "r250ms" or "q5m0s", with the attempt.
func show(verdicts []restart.Verdict) string {
	var parts []string
	for _, v := range verdicts {
		parts = append(parts, fmt.Sprintf("%c%s#%d", v.Action[0], v.Delay, v.Attempt))
	}
	return strings.Join(parts, " ")
}

func every(gap time.Duration, n int, readyFor time.Duration) (list []restart.Failure) {
	for i := range n {
		list = append(list, crash(time.Duration(i)*gap, readyFor))
	}
	return list
}

// slowTries are tries of ten minutes each that never became ready.
func slowTries(n int) (list []restart.Failure) {
	for i := range n {
		list = append(list, handshake(time.Duration(i)*10*time.Minute))
	}
	return list
}

func free(list []restart.Failure) []restart.Failure {
	for i := range list {
		list[i].Free = true
	}
	return list
}

func TestNext_wake_isSoonOnlyWhereATryCostsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		failures []restart.Failure
		want     time.Duration
	}{
		"a process":            {every(time.Second, 4, 0), 2 * time.Second},
		"a url":                {free(every(time.Second, 4, 0)), 250 * time.Millisecond},
		"a url, first failure": {free(every(time.Second, 1, 0)), 250 * time.Millisecond},
		"a quarantined one":    {every(0, 9, 0), 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			verdicts, _ := story(policy, c.failures...)
			if got := verdicts[len(verdicts)-1].Wake; got != c.want {
				t.Errorf("a call may start it after %s, want %s", got, c.want)
			}
		})
	}
}

func TestNext_stories(t *testing.T) {
	cannotStart := restart.Failure{At: start, Phase: endpoint.CannotStart}
	unauthorized := restart.Failure{At: start, Phase: endpoint.Unauthorized}
	with := func(change func(*restart.Policy)) restart.Policy {
		p := policy
		change(&p)
		return p
	}
	cases := map[string]struct {
		policy   restart.Policy
		failures []restart.Failure
		want     string
	}{
		"delays double and the sixth failure within the window quarantines": {
			policy, every(time.Second, 6, 0), "r250ms#1 r500ms#2 r1s#3 r2s#4 r4s#5 q5m0s#6",
		},
		"a failure exactly one window old no longer counts": {
			policy, append(every(0, 5, 0), handshake(time.Minute)),
			"r250ms#1 r500ms#2 r1s#3 r2s#4 r4s#5 r8s#6",
		},
		"a failure a moment younger than the window counts": {
			policy, append(every(0, 5, 0), handshake(time.Minute-1)),
			"r250ms#1 r500ms#2 r1s#3 r2s#4 r4s#5 q5m0s#6",
		},
		"a server that dies every 20 s waits longer and longer, up to the longest delay": {
			policy, every(20*time.Second, 10, 15*time.Second),
			"r250ms#1 r500ms#2 r1s#3 r2s#4 r4s#5 r8s#6 r16s#7 r30s#8 r30s#9 r30s#10",
		},
		"a healthy spell makes the past forgotten": {
			policy,
			[]restart.Failure{handshake(0), handshake(1), handshake(2), crash(time.Hour, time.Minute), handshake(time.Hour)},
			"r250ms#1 r500ms#2 r1s#3 r250ms#1 r500ms#2",
		},
		"a moment less than a healthy spell does not": {
			policy, []restart.Failure{handshake(0), crash(time.Hour, time.Minute-1)}, "r250ms#1 r500ms#2",
		},
		"a long time that was not ready does not": {
			policy, []restart.Failure{handshake(0), handshake(time.Hour)}, "r250ms#1 r500ms#2",
		},
		"a command that cannot start is quarantined at once": {policy, []restart.Failure{cannotStart}, "q5m0s#1"},
		"a command that was there once but is not now as well": {
			policy, []restart.Failure{{At: start, Phase: endpoint.CannotStart, ReadyFor: time.Hour}}, "q5m0s#1",
		},
		"refused credentials are not tried again": {policy, []restart.Failure{unauthorized}, "q5m0s#1"},
		"a failed probe stays in quarantine however late it comes": {
			policy, []restart.Failure{cannotStart, handshake(time.Hour), handshake(2 * time.Hour)}, "q5m0s#1 q5m0s#2 q5m0s#3",
		},
		"a probe that fails before its healthy spell is over goes back": {
			policy, []restart.Failure{cannotStart, crash(time.Hour, 20*time.Second)}, "q5m0s#1 q5m0s#2",
		},
		"a probe that was healthy for long enough starts afresh": {
			policy, []restart.Failure{cannotStart, crash(time.Hour, time.Minute)}, "q5m0s#1 r250ms#1",
		},
		"tries that never become ready are quarantined however long they take": {
			policy, slowTries(8), "r250ms#1 r500ms#2 r1s#3 r2s#4 r4s#5 q5m0s#6 q5m0s#7 q5m0s#8",
		},
		"one that becomes ready in between, and fails, begins a new row": {
			policy, append(append(slowTries(5), crash(2*time.Hour, time.Second)), slowTries(5)...),
			"r250ms#1 r500ms#2 r1s#3 r2s#4 r4s#5 r8s#6 r16s#7 r30s#8 r30s#9 r30s#10 r30s#11",
		},
		"one that becomes ready in between, and ends well, begins a new row": {
			policy, append(slowTries(5), restart.Failure{At: start.Add(time.Hour * 9), Phase: endpoint.Handshake, Worked: true}),
			"r250ms#1 r500ms#2 r1s#3 r2s#4 r4s#5 r8s#6",
		},
		"a server whose tries cost nothing is never given up": {
			policy, free(append(every(0, 9, 0), slowTries(9)...)),
			"r250ms#1 r500ms#2 r1s#3 r2s#4 r4s#5 r8s#6 r16s#7 r30s#8 r30s#9 " +
				"r30s#10 r30s#11 r30s#12 r30s#13 r30s#14 r30s#15 r30s#16 r30s#17 r30s#18",
		},
		"but its credentials count": {policy, free([]restart.Failure{unauthorized}), "q5m0s#1"},
		"with no failure allowed the first one quarantines": {
			with(func(p *restart.Policy) { p.MaxFailures = 0 }), every(0, 1, 0), "q5m0s#1",
		},
		"a negative number of failures counts as none": {
			with(func(p *restart.Policy) { p.MaxFailures = -3 }), every(0, 1, 0), "q5m0s#1",
		},
		"a longest delay below the first one counts as the first one": {
			with(func(p *restart.Policy) { p.Max = 0 }), every(0, 3, 0), "r250ms#1 r250ms#2 r250ms#3",
		},
		"a policy of zeros still pauses": {
			restart.Policy{MaxFailures: 2}, every(0, 2, time.Hour), "r1ms#1 r1ms#2",
		},
		"quarantine of no length still pauses": {
			with(func(p *restart.Policy) { p.Quarantine = 0 }), []restart.Failure{cannotStart}, "q1ms#1",
		},
		"a clock that was set back forgets nothing": {
			policy,
			[]restart.Failure{handshake(time.Hour), handshake(0), handshake(0), handshake(0), handshake(0), handshake(0)},
			"r250ms#1 r500ms#2 r1s#3 r2s#4 r4s#5 q5m0s#6",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			verdicts, h := story(tc.policy, tc.failures...)
			if got := show(verdicts); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			last := verdicts[len(verdicts)-1]
			if h.Quarantined() != (last.Action == restart.Quarantine) {
				t.Errorf("the history says quarantined %v, want the same as the verdict %s", h.Quarantined(), last.Action)
			}
		})
	}
}

func TestNext_stricterPolicyMeanwhile_countsWhatHasHappened(t *testing.T) {
	_, h := story(policy, every(time.Second, 4, 0)...)
	strict := policy
	strict.MaxFailures = 2
	if v, _ := restart.Next(strict, h, handshake(5*time.Second), middle); v.Action != restart.Quarantine {
		t.Errorf("got %s after five failures where two are allowed, want %s", v.Action, restart.Quarantine)
	}
}

func TestNext_reason_saysWhatAndWhy(t *testing.T) {
	_, crashed := story(policy, every(time.Second, 5, 0)...)
	_, slow := story(policy, slowTries(5)...)
	_, quarantined := story(policy, restart.Failure{At: start, Phase: endpoint.CannotStart})
	cases := map[string]struct {
		history restart.History
		failure restart.Failure
		want    string
	}{
		"a first failure": {failure: crash(0, 0), want: "failure 1 of 5 allowed within 1m0s"},
		"with the failure's own reason": {
			failure: restart.Failure{At: start, Phase: endpoint.Serving, Reason: "exit status 3"},
			want:    "failure 1 of 5 allowed within 1m0s: exit status 3",
		},
		"a spent row": {history: slow, failure: handshake(2 * time.Hour), want: "6 tries in a row never became ready, 5 allowed"},
		"a url": {
			failure: restart.Failure{At: start, Phase: endpoint.Handshake, Free: true, Reason: "connection refused"},
			want:    "failure 1 in a row: connection refused",
		},
		"a spent budget": {history: crashed, failure: crash(6*time.Second, 0), want: "6 failures within 1m0s, 5 allowed"},
		"a missing command": {
			failure: restart.Failure{Phase: endpoint.CannotStart, Reason: `executable "uvx" not found in PATH`},
			want:    `it cannot be started: executable "uvx" not found in PATH`,
		},
		"refused credentials": {failure: restart.Failure{Phase: endpoint.Unauthorized}, want: "its credentials were refused"},
		"a failed probe":      {history: quarantined, failure: handshake(time.Hour), want: "the probe failed"},
		"a probe that died": {
			history: quarantined, failure: crash(time.Hour, 1500*time.Millisecond), want: "the probe got ready but failed after 1.5s",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if v, _ := restart.Next(policy, tc.history, tc.failure, middle); v.Reason != tc.want {
				t.Errorf("got %q, want %q", v.Reason, tc.want)
			}
		})
	}
	none := policy
	none.MaxFailures = 0
	if v, _ := restart.Next(none, restart.History{}, crash(0, 0), middle); v.Reason != "1 failure within 1m0s, 0 allowed" {
		t.Errorf("got %q for a single failure, want %q", v.Reason, "1 failure within 1m0s, 0 allowed")
	}
}

func TestNext_jitter_isAFifthEitherWayAndNeverAboveTheLongestDelay(t *testing.T) {
	atCap := policy
	atCap.Initial = atCap.Max
	cases := map[string]struct {
		policy restart.Policy
		rnd    float64
		want   time.Duration
	}{
		"the lowest":                      {policy, 0, 200 * time.Millisecond},
		"the middle":                      {policy, 0.5, 250 * time.Millisecond},
		"the highest":                     {policy, 1, 300 * time.Millisecond},
		"at the longest delay, downwards": {atCap, 0, 24 * time.Second},
		"at the longest delay, upwards":   {atCap, 1, 30 * time.Second},
		"below the range":                 {policy, -7, 250 * time.Millisecond},
		"above the range":                 {policy, 7, 250 * time.Millisecond},
		"not a number":                    {policy, math.NaN(), 250 * time.Millisecond},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if v, _ := restart.Next(tc.policy, restart.History{}, crash(0, 0), tc.rnd); v.Delay != tc.want {
				t.Errorf("got %s, want %s", v.Delay, tc.want)
			}
		})
	}
}

func TestNext_aLongestDelayOfAges_isReachedWithoutOverflow(t *testing.T) {
	endless := policy
	endless.Max = math.MaxInt64
	var h restart.History
	var v restart.Verdict
	for i, last := 0, time.Duration(0); i < 100; i++ {
		v, h = restart.Next(endless, h, crash(time.Duration(i)*time.Hour, time.Second), 1)
		if v.Delay < last {
			t.Fatalf("failure %d: the delay must not fall from %s to %s", i, last, v.Delay)
		}
		last = v.Delay
	}
	if v.Delay != math.MaxInt64 {
		t.Errorf("got %s after 100 doublings, want the longest delay", v.Delay)
	}
}

func TestNext_history_isAValue(t *testing.T) {
	_, h := story(policy, every(time.Second, 3, 0)...)
	first, _ := restart.Next(policy, h, handshake(4*time.Second), middle)
	// Other futures of the same history must not be seen by it.
	for i := range 10 {
		restart.Next(policy, h, handshake(time.Duration(i)*time.Hour), middle)
	}
	if again, _ := restart.Next(policy, h, handshake(4*time.Second), middle); again != first {
		t.Errorf("got %+v the second time, %+v the first, want %+v", again, first, first)
	}
}

// life is a random sequence of failures under a random policy.
func life(r *rand.Rand) (restart.Policy, []restart.Failure) {
	p := restart.Policy{
		Initial: time.Duration(r.Int64N(int64(time.Second))) + minDelay, MaxFailures: r.IntN(6),
		Window: time.Duration(r.Int64N(int64(2*time.Minute))) + 1, Quarantine: time.Duration(r.Int64N(int64(time.Hour))) + minDelay,
	}
	p.Max = p.Initial + time.Duration(r.Int64N(int64(time.Minute)))
	phases := []endpoint.Phase{endpoint.Serving, endpoint.Serving, endpoint.Handshake, endpoint.Handshake, endpoint.CannotStart}
	at := start
	var list []restart.Failure
	for range 40 {
		at = at.Add(time.Duration(r.Int64N(int64(p.Window))))
		f := restart.Failure{At: at, Phase: phases[r.IntN(len(phases))]}
		if f.Phase == endpoint.Serving {
			f.ReadyFor = time.Duration(r.Int64N(int64(p.Window) * 5 / 4))
			at = at.Add(f.ReadyFor)
			f.At = at
		}
		list = append(list, f)
	}
	return p, list
}

const minDelay = time.Millisecond

// The model below is written from the contract, over the whole list of
// failures and without a history.
func TestNext_randomLives_agreeWithTheContract(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 5000 {
		p, list := life(r)
		var h restart.History
		var v restart.Verdict
		sinceHealthy, quarantined := 0, false
		for i, f := range list {
			if f.ReadyFor >= p.Window {
				sinceHealthy, quarantined = i, false
			}
			within := 0
			for _, g := range list[sinceHealthy : i+1] {
				if f.At.Sub(g.At) < p.Window {
					within++
				}
			}
			never := 0
			for j := i; j >= sinceHealthy && list[j].Phase != endpoint.Serving; j-- {
				never++
			}
			quarantined = quarantined || f.Phase == endpoint.CannotStart || max(within, never) > p.MaxFailures
			wantAttempt := i - sinceHealthy + 1
			ideal := min(float64(p.Initial)*math.Pow(2, float64(wantAttempt-1)), float64(p.Max))

			v, h = restart.Next(p, h, f, r.Float64())
			switch {
			case v.Attempt != wantAttempt || v.Reason == "" || v.Delay <= 0:
				t.Fatalf("policy %+v, failure %d: got %+v, want attempt %d", p, i, v, wantAttempt)
			case quarantined && (v.Action != restart.Quarantine || v.Delay != p.Quarantine):
				t.Fatalf("policy %+v, failure %d: got %+v, want quarantine", p, i, v)
			case !quarantined && (v.Action != restart.Restart || v.Delay > p.Max ||
				float64(v.Delay) < 0.8*ideal-1 || float64(v.Delay) > 1.2*ideal+1) && v.Delay != minDelay:
				t.Fatalf("policy %+v, failure %d: got %+v, want a restart after about %s", p, i, v, time.Duration(ideal))
			}
		}
	}
}
