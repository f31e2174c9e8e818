package watcher_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/actors/watcher"
	"gatehouse/messages"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// at is a notice of a file, so many milliseconds after the epoch.
type at struct {
	ms   int
	file watcher.FileID
}

var (
	servers = watcher.FileID{Role: messages.RoleServers, Path: "s"}
	rules   = watcher.FileID{Role: messages.RoleRules, Path: "r"}
	env     = watcher.FileID{Role: messages.RoleEnv, Path: "e"}
	dep     = watcher.FileID{Role: messages.RoleDependency, Path: "d"}
)

// play hands the notices to the debouncer, ticks whenever it wants to be woken
// and tells what it reads when: "300 rules" or "300 rules early".
func play(d watcher.Debouncer, notices []at) []string {
	var reads []string
	tick := func(now time.Time) {
		var due []watcher.Due
		d, due = d.Tick(now)
		for _, r := range due {
			line := fmt.Sprintf("%d %s", now.Sub(epoch).Milliseconds(), r.ID.Role)
			if r.Early {
				line += " early"
			}
			reads = append(reads, line)
		}
	}
	until := func(limit time.Time) {
		for w := d.Wake(); !w.IsZero() && w.Before(limit); w = d.Wake() {
			tick(w)
		}
	}
	for _, n := range notices {
		now := epoch.Add(time.Duration(n.ms) * time.Millisecond)
		until(now)
		d = d.Notice(n.file, messages.TriggerChange, now)
		tick(now)
	}
	until(epoch.Add(time.Hour))
	return reads
}

// every is a row of notices, from and to included.
func every(step, from, to int, file watcher.FileID) []at {
	var notices []at
	for ms := from; ms <= to; ms += step {
		notices = append(notices, at{ms, file})
	}
	return notices
}

func TestDebouncer_reads(t *testing.T) {
	cases := map[string]struct {
		notices []at
		want    string
	}{
		"nothing is read without a notice":                                  {nil, ""},
		"one notice is one read after the quiet time":                       {[]at{{0, servers}}, "300 servers"},
		"five writes 50 ms apart are one read":                              {every(50, 0, 200, servers), "500 servers"},
		"notices further apart than the quiet time are a read each":         {[]at{{0, servers}, {301, servers}}, "300 servers, 601 servers"},
		"a notice at the very end of the quiet time still counts":           {[]at{{0, env}, {300, env}}, "600 env"},
		"a file that never rests is read at the maximum wait":               {every(100, 0, 2500, env), "2000 env, 2800 env"},
		"each file has its own quiet time":                                  {[]at{{0, rules}, {200, env}}, "300 rules, 500 env"},
		"files due together are read in the order of what depends on what":  {[]at{{0, servers}, {0, rules}, {0, dep}, {0, env}}, "300 env, 300 dependency, 300 rules, 300 servers"},
		"rules don't wait for servers":                                      {[]at{{0, rules}, {100, servers}}, "300 rules, 400 servers"},
		"servers wait for rules that are not settled":                       {[]at{{0, servers}, {100, rules}}, "400 rules, 400 servers"},
		"servers that settle while they wait are read with the rules":       {[]at{{0, servers}, {250, rules}, {300, servers}}, "550 rules, 600 servers"},
		"servers don't wait for env files":                                  {[]at{{0, servers}, {100, env}}, "300 servers, 400 env"},
		"rules that never rest are read early when servers can't wait more": {append([]at{{0, servers}}, every(100, 100, 2300, rules)...), "2000 rules early, 2000 servers, 2100 rules, 2600 rules"},
		"rules that rest after an early read are read again":                {append([]at{{0, servers}}, every(100, 250, 1950, rules)...), "2000 rules early, 2000 servers, 2250 rules"},
	}
	d := watcher.Debouncer{Quiet: 300 * time.Millisecond, MaxWait: 2 * time.Second}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(play(d, tc.notices), ", ")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("reads differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDebouncer_isAValue(t *testing.T) {
	empty := watcher.Debouncer{Quiet: time.Second, MaxWait: time.Second}
	one := empty.Notice(env, messages.TriggerChange, epoch)
	_ = one.Notice(env, messages.TriggerChange, epoch.Add(500*time.Millisecond))
	_ = one.Notice(rules, messages.TriggerChange, epoch.Add(-time.Hour))
	_, _ = one.Tick(epoch.Add(time.Hour))
	_ = one.Keep(func(watcher.FileID) bool { return false })

	if got := empty.Wake(); !got.IsZero() {
		t.Errorf("the empty one wakes at %v, want never", got)
	}
	if got, want := one.Wake(), epoch.Add(time.Second); !got.Equal(want) {
		t.Errorf("the one with a notice wakes at %v, want %v", got, want)
	}
}

func TestDebouncer_keep_forgetsTheOthers(t *testing.T) {
	d := watcher.Debouncer{Quiet: time.Second, MaxWait: time.Second}
	d = d.Notice(env, messages.TriggerChange, epoch).Notice(dep, messages.TriggerChange, epoch)
	d = d.Keep(func(id watcher.FileID) bool { return id == env })
	_, due := d.Tick(epoch.Add(time.Hour))
	if len(due) != 1 || due[0].ID != env {
		t.Errorf("got %v due, want only the env file", due)
	}
}

func TestDebouncer_trigger_isAnEventIfThereWasOne(t *testing.T) {
	poll, change := messages.TriggerPoll, messages.TriggerChange
	for want, row := range map[string][]string{poll: {poll, poll}, change: {poll, change, poll}} {
		var d watcher.Debouncer
		for _, trigger := range row {
			d = d.Notice(env, trigger, epoch)
		}
		if _, due := d.Tick(epoch); len(due) != 1 || due[0].Trigger != want {
			t.Errorf("after %v: got %v due, want one with trigger %q", row, due, want)
		}
	}
}
