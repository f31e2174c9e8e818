package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/resolve"
	"gatehouse/messages"
	"gatehouse/testkit"
)

const (
	plainServers = `{"mcpServers": {"plain": {"command": "p"}}}`
	usesToken    = `{"mcpServers": {"plain": {"command": "p"}, "uses": {"command": "u", "args": ["${file:token}"]}}}`
)

// watching plays a watcher that has said it is ready.
func (s *stage) watching() *testkit.Probe {
	watcher := s.Probe()
	s.System.Root.RequestWithCustomSender(s.pid, messages.WatcherReady{}, watcher.PID)
	return watcher
}

// told fails unless the watcher hears of these files, and of these among them
// that are unread.
func (s *stage) told(watcher *testkit.Probe, paths, unread string) {
	s.t.Helper()
	got := testkit.Expect[messages.WatchFiles](s.t, watcher)
	if p, u := strings.Join(got.Paths, " "), strings.Join(got.Unread, " "); got.Role != messages.RoleDependency || p != paths || u != unread {
		s.t.Errorf("the watcher is told of %s %q, unread %q; want %s %q, unread %q", got.Role, p, u, messages.RoleDependency, paths, unread)
	}
}

func TestWatcher_isToldWhatTheEntriesName(t *testing.T) {
	f := withServers(`{"mcpServers": {"x": {"command": "x", "env": {"A": "${file:b}", "B": "${file:a}", "C": "${file:b}"}}}}`)
	f["/s/a"], f["/s/b"] = "1", "2"
	inOffice(t, f, nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		watcher := s.watching()
		s.told(watcher, "/s/a /s/b", "")
		s.Send(s.pid, changed(messages.RoleServers, serversFile, `{"mcpServers": {"x": {"command": "x", "env": {"A": "${file:missing}"}}}}`))
		s.told(watcher, "/s/a /s/b /s/missing", "/s/missing")
		s.nothing()
		s.Send(s.pid, f.read(messages.RoleDependency, "/s/missing"))
		if got, want := shape(s.inForce()), "drain x, start x@2 misconfigured"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if r := s.report(); r.Role != messages.RoleServers || r.Outcome != messages.Applied {
			t.Errorf("got %+v, want the servers file applied", r)
		}
		s.told(watcher, "/s/missing", "") // It can appear.
		if r, _ := s.snap.Route("x"); !strings.Contains(r.Cell.Status().Reason, "cannot read ${file:missing}: gone") {
			t.Errorf("got the reason %q, want it to name the file and why it cannot be read", r.Cell.Status().Reason)
		}
		d, _ := s.apply(messages.RoleDependency, "/s/missing", "here")
		if got, want := shape(d), "drain x, start x@3"; got != want {
			t.Errorf("once it is there: got %s, want %s", got, want)
		}
		s.apply(messages.RoleServers, serversFile, `{"mcpServers": {}}`)
		s.told(watcher, "", "")
	})
}

// Whatever a servers file names may take its time: a network mount can hang.
func TestChange_thatNamesUnreadFiles_waitsForThemAlone(t *testing.T) {
	inOffice(t, withServers(plainServers), nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		watcher := s.watching()
		s.told(watcher, "", "")
		s.Send(s.pid, changed(messages.RoleServers, serversFile, usesToken))
		s.told(watcher, "/s/token", "/s/token")
		s.ask(messages.SettleQuery{})
		testkit.ExpectNone(t, s.operator)

		d, _ := s.apply(messages.RoleRules, rulesFile, `{"agents": {"b": {}}}`)
		if got, want := shape(d), "keep plain@1"; got != want {
			t.Errorf("rules that came meanwhile: got %s, want %s", got, want)
		}
		testkit.ExpectNone(t, s.operator)

		s.Send(s.pid, changed(messages.RoleDependency, "/s/token", "value"))
		d = s.inForce()
		if got, want := shape(d), "start uses@3, keep plain@1"; got != want || d.Start[0].Spec.Args[0] != "value" {
			t.Errorf("got %s with %v, want %s with the file's content", got, d.Start[0].Spec.Args, want)
		}
		if s.snap.Policy.Decide("a", "plain", "").Allow {
			t.Error("the rules that came meanwhile are lost")
		}
		if r := s.report(); r.Role != messages.RoleServers || r.Generation != 3 || !slices.Equal(r.Added, []string{"uses"}) {
			t.Errorf("got %+v, want the servers file applied as generation 3", r)
		}
		if r := testkit.Expect[messages.SettleReply](t, s.operator); r.Generation != 3 {
			t.Errorf("settled at generation %d, want 3", r.Generation)
		}
		testkit.ExpectNone(t, s.events) // The file itself is not in the reports.
	})
}

func TestChange_thatWaits_isReplacedByANewerOneOfTheSameFile(t *testing.T) {
	inOffice(t, withServers(plainServers), nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		watcher := s.watching()
		s.told(watcher, "", "")
		s.Send(s.pid, changed(messages.RoleServers, serversFile, usesToken))
		s.told(watcher, "/s/token", "/s/token")
		s.Send(s.pid, changed(messages.RoleServers, serversFile, `{"mcpServers": `))
		if r := s.report(); r.Outcome != messages.Rejected {
			t.Errorf("got %s, want %s", r.Outcome, messages.Rejected)
		}
		s.told(watcher, "", "")
		s.Send(s.pid, changed(messages.RoleDependency, "/s/token", "too late"))
		s.nothing()
		testkit.ExpectNone(t, s.events)
	})
}

func TestChange_thatWaits_asksAWatcherThatBeganAnew(t *testing.T) {
	inOffice(t, withServers(plainServers), nil, func(t *testing.T, s *stage) {
		s.inForce()
		s.Send(s.pid, changed(messages.RoleServers, serversFile, usesToken))
		s.told(s.watching(), "/s/token", "/s/token")
		s.told(s.watching(), "/s/token", "/s/token")
	})
}

// One change that panics loses itself, and none that waits.
func TestChange_thatPanics_losesNoneThatWaits(t *testing.T) {
	f := withServers(plainServers)
	f[envFile] = "MODE=slow"
	boom := func(src *configactor.Sources) {
		src.ReachesSelf = func(url string) bool {
			if url == "http://boom" {
				panic("a bug")
			}
			return false
		}
	}
	inOffice(t, f, boom, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		s.apply(messages.RoleServers, serversFile, `{"mcpServers": {"plain": {"url": "http://${MODE}"}}}`)
		s.Send(s.pid, changed(messages.RoleServers, serversFile, usesToken))
		s.Send(s.pid, changed(messages.RoleEnv, envFile, "MODE=boom"))
		s.nothing()
		s.Send(s.pid, changed(messages.RoleDependency, "/s/token", "value"))
		if got, want := shape(s.inForce()), "drain plain, start plain@3, start uses@3"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestNamedFile_thatIsDeleted_changesNothing(t *testing.T) {
	f := withServers(usesToken)
	f["/s/token"] = "value"
	inOffice(t, f, nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		s.Send(s.pid, files{}.read(messages.RoleDependency, "/s/token"))
		if r := s.report(); r.Outcome != messages.Rejected || len(r.Problems) != 1 || r.Problems[0].Code != configactor.CodeFileUnreadable {
			t.Errorf("got %+v, want it rejected as unreadable", r)
		}
		s.nothing()
		// Nor does it change what a later change of another file means.
		d, _ := s.apply(messages.RoleServers, serversFile, strings.Replace(usesToken, `"p"`, `"q"`, 1))
		if got, want := shape(d), "drain plain, start plain@2, keep uses@1"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if r, _ := s.snap.Route("uses"); r.Cell.Status().State != endpoint.Starting {
			t.Errorf("the server is %s, want it left alone", r.Cell.Status().State)
		}
	})
}

// Whether a program is the gateway's own takes a look at files, and those may
// hang.
func TestChange_withANewProgram_waitsUntilItHasBeenLookedAt(t *testing.T) {
	var looks chan string
	var answer chan bool
	slow := func(src *configactor.Sources) {
		looks, answer = make(chan string, 10), make(chan bool) // In the bubble.
		src.RunsSelf = func(spec resolve.Spec) bool {
			looks <- spec.Command
			return spec.Command != "p" && <-answer
		}
	}
	inOffice(t, withServers(plainServers), slow, func(t *testing.T, s *stage) {
		looked := func(want ...string) {
			t.Helper()
			s.Sleep(time.Second)
			var got []string
			for len(looks) > 0 {
				got = append(got, <-looks)
			}
			if !slices.Equal(got, want) {
				t.Errorf("looked at %q, want %q", got, want)
			}
		}
		s.inForce()
		_ = s.report()
		looked("p")
		s.Send(s.pid, changed(messages.RoleServers, serversFile, `{"mcpServers": {"plain": {"command": "p"}, "new": {"command": "n"}}}`))
		s.nothing()
		looked("n") // And not again at what is in force.
		s.ask(messages.SettleQuery{})
		testkit.ExpectNone(t, s.operator)
		s.ask(messages.RestartServer{Name: "plain"})
		if got, want := shape(s.inForce()), "drain plain, start plain@2"; got != want {
			t.Errorf("an operator meanwhile: got %s, want %s", got, want)
		}
		testkit.Expect[messages.OperateReply](t, s.operator)
		_ = s.report()

		// A newer change waits for its own program only.
		s.Send(s.pid, changed(messages.RoleServers, serversFile, `{"mcpServers": {"plain": {"command": "p"}, "self": {"command": "gatehouse"}}}`))
		answer <- false
		looked("gatehouse")
		answer <- true
		if got, want := shape(s.inForce()), "start self@3 misconfigured, keep plain@2"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if r := testkit.Expect[messages.SettleReply](t, s.operator); r.Generation != 3 {
			t.Errorf("settled at generation %d, want 3", r.Generation)
		}
		s.apply(messages.RoleRules, rulesFile, `{"agents": {}}`)
		looked()
	})
}

// While nobody names a file nobody watches it, so what was read of it is worth
// nothing once it is named again.
func TestNamedFile_thatIsNamedAgain_isReadAnew(t *testing.T) {
	f := withServers(usesToken)
	f["/s/token"] = "old"
	programs := 0
	count := func(src *configactor.Sources) {
		src.RunsSelf = func(resolve.Spec) bool { programs++; return false }
	}
	inOffice(t, f, count, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		watcher := s.watching()
		s.told(watcher, "/s/token", "")
		s.apply(messages.RoleServers, serversFile, plainServers)
		s.told(watcher, "", "")
		before := programs
		s.Send(s.pid, changed(messages.RoleServers, serversFile, usesToken))
		s.told(watcher, "/s/token", "/s/token")
		s.nothing()
		s.Send(s.pid, changed(messages.RoleDependency, "/s/token", "old"))
		d := s.inForce()
		if got, want := shape(d), "start uses@3, keep plain@1"; got != want || d.Start[0].Spec.Args[0] != "old" {
			t.Errorf("got %s with %v, want %s with what was read", got, d.Start[0].Spec.Args, want)
		}
		if got, want := programs-before, 1; got != want {
			t.Errorf("looked at %d programs, want %d: it may be another one by now", got, want)
		}
	})
}

// Bytes that change no value today can tomorrow.
func TestNamedFile_whoseChangeMeansNothingYet_isRemembered(t *testing.T) {
	const uses = `{"mcpServers": {"s": {"command": "x", "envFile": "vars.env", "args": ["${A}"]}}}`
	f := withServers(uses)
	f["/s/vars.env"] = "A=1"
	inOffice(t, f, nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		if r := s.change(messages.RoleDependency, "/s/vars.env", "A=1\nB=2"); r.Outcome != messages.Unchanged {
			t.Errorf("got %s, want %s", r.Outcome, messages.Unchanged)
		}
		d, _ := s.apply(messages.RoleServers, serversFile, strings.Replace(uses, "${A}", "${B}", 1))
		if got, want := shape(d), "drain s, start s@2"; got != want || d.Start[0].Spec.Args[0] != "2" {
			t.Errorf("got %s with %v, want %s with the new variable", got, d.Start[0].Spec.Args, want)
		}
	})
}
