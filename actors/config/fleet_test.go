package config_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/resolve"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// member is a config actor whose files come from a fleet. The fleet's actor is the
// operator of the stage.
type member struct{ *stage }

// inFleet plays with a config actor that has heard of no configuration yet.
func inFleet(t *testing.T, env resolve.Env, play func(t *testing.T, m *member)) {
	t.Helper()
	inFleetAt(t, configactor.Sources{Env: env}, play)
}

// inFleetAt does so with a gateway whose agents come as these sources say.
func inFleetAt(t *testing.T, src configactor.Sources, play func(t *testing.T, m *member)) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		s := &stage{World: w, t: t, gateway: w.Probe(), supervisor: w.Probe(), operator: w.Probe(), events: w.Events(), view: &configactor.View{}}
		src.Env.ServersDir, src.Env.GOOS = "/state/servers", "linux"
		src.ServersFile, src.RulesFile, src.EnvFiles, src.ReachesSelf, src.RunsSelf = serversFile, rulesFile, []string{envFile}, noURL, noProgram
		s.pid = w.Spawn(configactor.Props(configactor.Config{
			Sources: src, Gateway: s.gateway.PID, Supervisor: s.supervisor.PID, View: s.view, Log: slog.New(slog.DiscardHandler),
		}))
		m := &member{s}
		m.accepted() // Generation 1: nothing.
		play(t, m)
	})
}

// content is a configuration of a fleet with these servers.
func content(servers string) *fleet.Content {
	return &fleet.Content{Servers: []byte(`{"mcpServers": {` + servers + `}}`), Rules: []byte(someRules), DigestKey: []byte("key"), Candidate: 5}
}

// accepted plays the gateway for what is on its way, and returns what follows.
func (m *member) accepted() (messages.ApplyDiff, messages.ConfigReloaded) {
	m.t.Helper()
	d := m.inForce()
	return d, testkit.Expect[messages.ConfigReloaded](m.t, m.events)
}

// agreed says what the fleet has agreed on, which is accepted.
func (m *member) agreed(f messages.FleetChanged) messages.ApplyDiff {
	m.t.Helper()
	m.ask(f)
	d, _ := m.accepted()
	if got := testkit.Expect[messages.InForce](m.t, m.operator); got.Generation != f.Generation || m.snap.Generation != f.Generation {
		m.t.Fatalf("got generation %d in force and %d in the snapshot, want %d", got.Generation, m.snap.Generation, f.Generation)
	}
	return d
}

// judged asks whether a candidate could be followed.
func (m *member) judged(c *fleet.Content) messages.CandidateReply {
	m.t.Helper()
	m.ask(messages.CandidateQuery{Content: c})
	r := testkit.Expect[messages.CandidateReply](m.t, m.operator)
	if r.Candidate != c.Candidate {
		m.t.Errorf("got an answer about candidate %d, want %d", r.Candidate, c.Candidate)
	}
	m.nothing()
	return r
}

func TestFleet_whatWasAgreedOn_isOneStepWithTheFleetsGeneration(t *testing.T) {
	inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
		first := m.agreed(messages.FleetChanged{Generation: 57, Content: content(`"a": {"command": "a"}, "b": {"command": "b"}`)})
		if got, want := shape(first), "start a@2 , start b@2 "; strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := first.Start[0].Generation; got != 57 {
			t.Errorf("got generation %d for what was started, want the fleet's, 57", got)
		}
		if m.snap.PolicyHash != changed("", "", someRules).Hash {
			t.Errorf("got the rules %s, want those of the fleet", m.snap.PolicyHash)
		}
		second := m.agreed(messages.FleetChanged{Generation: 63, Content: content(`"a": {"command": "a"}, "b": {"command": "c"}`)})
		if got, want := shape(second), "drain b, start b@3, keep a@2"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		m.ask(messages.FleetChanged{Generation: 63, Content: content(`"a": {"command": "a"}, "b": {"command": "c"}`)})
		m.nothing() // It was told twice.
		restored := m.agreed(messages.FleetChanged{Generation: 12, Content: content(`"a": {"command": "a"}`)})
		if got, want := shape(restored), "drain b, keep a@2"; got != want {
			t.Errorf("got %q once the store was restored, want %q", got, want)
		}
	})
}

func TestFleet_holdsAndRestarts_renewTheirServersAlone(t *testing.T) {
	inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
		both := content(`"a": {"command": "a"}, "b": {"command": "b"}`)
		m.agreed(messages.FleetChanged{Generation: 5, Content: both, Restarts: map[string]fleet.Restart{"a": {Revision: 3}}})
		restarts := map[string]fleet.Restart{"a": {Revision: 3}, "b": {Revision: 6}}
		if got, want := shape(m.agreed(messages.FleetChanged{Generation: 6, Content: both, Restarts: restarts})), "drain b, start b@3, keep a@2"; got != want {
			t.Errorf("restarted: got %q, want %q", got, want)
		}
		until := time.Now().Add(time.Minute)
		holds := map[string]fleet.Hold{"a": {Held: true, Why: "broken", Until: until, Revision: 7}}
		held := m.agreed(messages.FleetChanged{Generation: 7, Content: both, Restarts: restarts, Holds: holds})
		if got, want := shape(held), "drain a, start a@4 held, keep b@3"; got != want {
			t.Errorf("held: got %q, want %q", got, want)
		}
		if got := m.cell("a").Status(); got.State != endpoint.Held || !strings.Contains(got.Reason, "broken") {
			t.Errorf("got %s (%q), want held with the reason", got.State, got.Reason)
		}
		m.Sleep(time.Minute + time.Second)
		if got := testkit.Expect[messages.HoldLapsed](t, m.operator); got.Server != "a" || got.Hold.Revision != 7 {
			t.Errorf("got %+v once its time was over, want the hold of a", got)
		}
		m.nothing() // The fleet releases it, for all.
		released := m.agreed(messages.FleetChanged{Generation: 8, Content: both, Restarts: restarts, Holds: map[string]fleet.Hold{"a": {Revision: 8}}})
		if got, want := shape(released), "drain a, start a@5, keep b@3"; got != want {
			t.Errorf("released: got %q, want %q", got, want)
		}
	})
}

// As without a fleet: a healthy server goes on.
func TestFleet_release_dependsOnTheState(t *testing.T) {
	for state, want := range map[endpoint.State]string{
		endpoint.Quarantined: "drain a, start a@3", endpoint.NeedsAuth: "drain a, start a@3", endpoint.BackingOff: "drain a, start a@3",
		endpoint.Ready: "keep a@2", endpoint.Starting: "keep a@2", endpoint.Idle: "keep a@2",
	} {
		t.Run(string(state), func(t *testing.T) {
			inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
				one := content(`"a": {"command": "a"}`)
				m.agreed(messages.FleetChanged{Generation: 5, Content: one})
				testkit.Publish(m.cell("a"), endpoint.Status{State: state})
				released := map[string]fleet.Hold{"a": {Revision: 6}}
				if got := shape(m.agreed(messages.FleetChanged{Generation: 6, Content: one, Holds: released})); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				testkit.ExpectNone(t, m.supervisor)
			})
		})
	}
}

func TestFleet_release_liftsBlocksAndEndsInstances_ofAServerThatGoesOn(t *testing.T) {
	inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
		two := content(`"a": {"command": "a"}, "ours": {"command": "o", "gateway": {"scope": "agent"}}`)
		m.agreed(messages.FleetChanged{Generation: 5, Content: two})
		testkit.Publish(m.cell("a"), endpoint.Status{State: endpoint.Ready})
		m.cell("a").PublishGuard(&endpoint.Guard{Blocks: []endpoint.Block{{Caller: endpoint.Caller{Agent: "x"}, Until: time.Now().Add(time.Minute)}}})
		instance, _, err := m.cell("ours").Instances().Obtain(endpoint.Whose{Agent: "nightly"}, "", nil, 16, endpoint.Status{State: endpoint.Idle})
		if err != nil {
			t.Fatal(err)
		}
		testkit.Publish(instance, endpoint.Status{State: endpoint.Quarantined})
		released := map[string]fleet.Hold{"a": {Revision: 6}, "ours": {Revision: 6}}
		if got, want := shape(m.agreed(messages.FleetChanged{Generation: 6, Content: two, Holds: released})), "keep a@2, keep ours@2"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if l := testkit.Expect[messages.LiftBlocks](t, m.supervisor); l.Name != "a" || l.Cell != m.cell("a") {
			t.Errorf("got %+v, want the blocks of a lifted", l)
		}
		if e := testkit.Expect[messages.EndInstance](t, m.supervisor); e.Name != "ours" || e.Cell != instance {
			t.Errorf("got %+v, want the instance that has failed ended", e)
		}
	})
}

func TestFleet_release_doesBothForOneServer(t *testing.T) {
	inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
		one := content(`"ours": {"command": "o", "gateway": {"scope": "agent"}}`)
		m.agreed(messages.FleetChanged{Generation: 5, Content: one})
		failed := m.halfWell("ours")
		m.agreed(messages.FleetChanged{Generation: 6, Content: one, Holds: map[string]fleet.Hold{"ours": {Revision: 6}}})
		m.eased("ours", failed)
	})
}

// Revisions begin again where the backup ends, so what a restored store has may look like
// what it has lost.
func TestFleet_afterARestore_anotherWishOfTheSameRevision_renewsItsServer(t *testing.T) {
	both := content(`"a": {"command": "a"}, "b": {"command": "b"}`)
	before := messages.FleetChanged{
		Generation: 9, Content: both, Restarts: map[string]fleet.Restart{"a": {Revision: 8, Name: "lost"}, "b": {Revision: 3, Name: "kept"}},
		Holds: map[string]fleet.Hold{"b": {Held: true, Why: "lost", Revision: 9}, "a": {Revision: 7, Asked: time.Unix(1, 0)}},
	}
	for name, c := range map[string]struct {
		change func(*messages.FleetChanged)
		want   string
	}{
		"a restart": {func(m *messages.FleetChanged) {
			m.Restarts = map[string]fleet.Restart{"a": {Revision: 8, Name: "again"}, "b": before.Restarts["b"]}
		}, "drain a, start a@4, keep b@3"},
		"a hold": {func(m *messages.FleetChanged) {
			m.Holds = map[string]fleet.Hold{"b": {Held: true, Why: "again", Revision: 9}, "a": before.Holds["a"]}
		}, "drain b, start b@4 held, keep a@2"},
		"a release": {func(m *messages.FleetChanged) {
			m.Holds = map[string]fleet.Hold{"b": {Revision: 9}, "a": before.Holds["a"]}
		}, "drain b, start b@4, keep a@2"},
		"a release after a release": {func(m *messages.FleetChanged) {
			m.Holds = map[string]fleet.Hold{"a": {Revision: 7, Asked: time.Unix(2, 0)}, "b": before.Holds["b"]}
		}, "drain a, start a@4, keep b@3"}, // It is quarantined.
		"another entry": {func(m *messages.FleetChanged) {
			m.Content = content(`"a": {"command": "c"}, "b": {"command": "b"}`)
		}, "drain a, start a@4, keep b@3"},
	} {
		t.Run(name, func(t *testing.T) {
			inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
				m.agreed(messages.FleetChanged{Generation: 5, Content: both, Restarts: before.Restarts, Holds: map[string]fleet.Hold{"a": before.Holds["a"]}})
				m.agreed(before)
				testkit.Publish(m.cell("a"), endpoint.Status{State: endpoint.Quarantined})
				after := before
				c.change(&after)
				if got := shape(m.agreed(after)); got != c.want {
					t.Errorf("got %q in the same generation, want %q", got, c.want)
				}
			})
		})
	}
}

// The time of each is waited for, though both have one revision.
func TestFleet_afterARestore_theTimeOfAnotherHoldOfTheSameRevisionEndsToo(t *testing.T) {
	inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
		for i, d := range []time.Duration{time.Hour, time.Minute} {
			m.agreed(messages.FleetChanged{Generation: 7, Content: content(`"a": {"command": "a"}`), Holds: map[string]fleet.Hold{
				"a": {Held: true, Until: time.Now().Add(d), Revision: 7, Why: strings.Repeat("x", i)},
			}})
		}
		m.Sleep(time.Minute + time.Second)
		if got := testkit.Expect[messages.HoldLapsed](t, m.operator); got.Hold.Why != "x" {
			t.Errorf("got %+v a minute later, want that the time of the second hold is over", got)
		}
	})
}

func TestFleet_whatCannotBeFollowed_changesNothing(t *testing.T) {
	inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
		m.agreed(messages.FleetChanged{Generation: 5, Content: content(`"a": {"command": "a"}`)})
		m.ask(messages.FleetChanged{Generation: 6, Content: content(`"a": {}`)})
		got := testkit.Expect[messages.CannotFollow](t, m.operator)
		if got.Generation != 6 || len(got.Problems) == 0 || !strings.Contains(got.Problems[0], "command") {
			t.Errorf("got %+v, want generation 6 and what is wrong", got)
		}
		if r := testkit.Expect[messages.ConfigReloaded](t, m.events); r.Outcome != messages.Rejected || r.Trigger != messages.TriggerFleet {
			t.Errorf("got %+v, want that it was rejected", r)
		}
		m.nothing()
	})
}

// Whoever applies does not know how a gateway can be reached: each judges by itself, and
// once more what the fleet has agreed on without it.
func TestFleet_exposed_rulesWithoutCredentials_areRefused(t *testing.T) {
	open := content(`"a": {"command": "a"}`)
	inFleetAt(t, configactor.Sources{HTTP: true, Exposed: true}, func(t *testing.T, m *member) {
		if got := m.judged(open).Problems; len(got) != 1 || !strings.Contains(got[0], "no credential") {
			t.Errorf("got the problems %v of a candidate, want one about credentials", got)
		}
		m.ask(messages.FleetChanged{Generation: 6, Content: open})
		got := testkit.Expect[messages.CannotFollow](t, m.operator)
		if got.Generation != 6 || len(got.Problems) != 1 || !strings.Contains(got.Problems[0], "no credential") {
			t.Errorf("got %+v, want generation 6 and that agents would need no credential", got)
		}
		testkit.Expect[messages.ConfigReloaded](t, m.events)
		m.nothing()
	})
	inFleetAt(t, configactor.Sources{HTTP: true}, func(t *testing.T, m *member) {
		if got := m.judged(open).Problems; len(got) != 0 {
			t.Errorf("got the problems %v on loopback, want none", got)
		}
	})
}

func TestFleet_aVariableChangesHere_theGenerationStays(t *testing.T) {
	inFleet(t, resolve.Env{Environ: []string{"TOKEN=1"}}, func(t *testing.T, m *member) {
		m.agreed(messages.FleetChanged{Generation: 5, Content: content(`"a": {"command": "a", "args": ["${TOKEN}"]}`)})
		d, _ := m.apply(messages.RoleEnv, envFile, "TOKEN=2\n")
		if got, want := shape(d), "drain a, start a@3"; got != want || m.snap.Generation != 5 {
			t.Errorf("got %q in generation %d, want %q in generation 5", got, m.snap.Generation, want)
		}
	})
}

func TestFleet_candidate_isJudgedWithoutAChange(t *testing.T) {
	inFleet(t, resolve.Env{Environ: []string{"HERE=1"}}, func(t *testing.T, m *member) {
		good := m.judged(content(`"a": {"command": "a", "args": ["${HERE}"]}`))
		if len(good.Problems) != 0 || good.Digests[fleet.DigestName("a", "HERE")] == "" || len(good.Digests) != 1 {
			t.Errorf("got %+v, want no problem and the digest of one variable", good)
		}
		lacking := content(`"a": {"command": "a", "args": ["${GONE}"]}`)
		if got := m.judged(lacking).Problems; len(got) != 1 || !strings.Contains(got[0], "GONE") {
			t.Errorf("got the problems %v, want that GONE is not set", got)
		}
		lacking.RulesOnly = true
		if got := m.judged(lacking); len(got.Problems) != 0 || len(got.Digests) != 0 {
			t.Errorf("got %+v for a change of the rules alone, want nothing that keeps it back", got)
		}
		lacking.Rules = []byte(`{`)
		if got := m.judged(lacking).Problems; len(got) == 0 || !strings.Contains(got[0], rulesFile) {
			t.Errorf("got the problems %v, want what is wrong with the rules", got)
		}
		relative := m.judged(content(`"a": {"command": "./a"}`)).Problems
		if len(relative) != 1 || !strings.Contains(relative[0], "--fleet-root") {
			t.Errorf("got the problems %v for what is relative, want one that names --fleet-root", relative)
		}
	})
}

func TestFleet_candidateNamesAFile_itIsReadFirst(t *testing.T) {
	inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
		watcher := m.watching()
		m.ask(messages.CandidateQuery{Content: content(`"a": {"command": "a", "args": ["${file:/secret}"]}`)})
		told := testkit.ExpectThat(t, watcher, func(w messages.WatchFiles) bool { return len(w.Unread) > 0 })
		if !slices.Equal(told.Unread, []string{"/secret"}) {
			t.Errorf("got %v to be read, want /secret", told.Unread)
		}
		testkit.ExpectNone(t, m.operator)
		m.Send(m.pid, changed(messages.RoleDependency, "/secret", "value"))
		if got := testkit.Expect[messages.CandidateReply](t, m.operator); len(got.Problems) != 0 || len(got.Digests) != 1 {
			t.Errorf("got %+v, want no problem and one digest", got)
		}
	})
}

// Another gateway of the fleet may have the variable: what misses one here has a stand-in.
func TestFleet_aServerThatLacksAVariableHere_mayRunElsewhere(t *testing.T) {
	inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
		const lacking = `"command": "a", "args": ["${TOKEN}"]`
		d := m.agreed(messages.FleetChanged{Generation: 5, Content: content(
			`"a": {` + lacking + `}, "each": {` + lacking + `, "gateway": {"single": false}}, "mine": {` + lacking + `, "gateway": {"scope": "session"}},
			"ours": {` + lacking + `, "gateway": {"scope": "agent"}}`)})
		plans := map[string]messages.ServerPlan{}
		for _, p := range d.Start {
			plans[p.Name()] = p
		}
		for _, name := range []string{"a", "ours"} {
			if p := plans[name]; p.Unusable != "" || !strings.Contains(p.Barred, "TOKEN") || p.Cell.Identity().Barred != p.Barred {
				t.Errorf("%s: got it unusable %q, barred %q, want it barred as TOKEN is not set", name, p.Unusable, p.Barred)
			}
		}
		if !plans["ours"].Scoped() {
			t.Error("ours: got one for all, want one for each agent")
		}
		for _, name := range []string{"each", "mine"} {
			if p := plans[name]; p.Unusable != endpoint.Misconfigured || p.Barred != "" {
				t.Errorf("%s: got it unusable %q, barred %q, want it misconfigured: no other gateway runs it for this one", name, p.Unusable, p.Barred)
			}
		}
		d, _ = m.apply(messages.RoleEnv, envFile, "TOKEN=1\n")
		if p := d.Start[0]; p.Name() != "a" || p.Barred != "" || p.Unusable != "" {
			t.Errorf("with the variable: got %s barred %q, want a with nothing against it", p.Name(), p.Barred)
		}
	})
}

// Its calls end where they run, as with any other change of its entry.
func TestFleet_singleChanges_makesAFreshCell(t *testing.T) {
	inFleet(t, resolve.Env{}, func(t *testing.T, m *member) {
		for i, step := range []struct{ entry, want string }{
			{`"command": "a"`, "start a@2"},
			{`"command": "a", "gateway": {"single": true}`, "keep a@2"},
			{`"command": "a", "gateway": {"single": false}`, "drain a, start a@4"},
			{`"command": "a", "gateway": {"single": true}`, "drain a, start a@5"},
			{`"command": "a", "gateway": {"single": true, "scope": "session"}`, "drain a, start a@6"},
			{`"command": "a", "gateway": {"single": false, "scope": "session"}`, "keep a@6"}, // It runs where its session is.
		} {
			if got := shape(m.agreed(messages.FleetChanged{Generation: uint64(5 + i), Content: content(`"a": {` + step.entry + `}`)})); got != step.want {
				t.Errorf("%s: got %q, want %q", step.entry, got, step.want)
			}
		}
	})
}

func TestReload_singleChanges_withoutAFleet_keepsTheServer(t *testing.T) {
	inOffice(t, withServers(`{"mcpServers": {"a": {"command": "a"}}}`), nil, func(t *testing.T, s *stage) {
		s.inForce()
		d, _ := s.apply(messages.RoleServers, serversFile, `{"mcpServers": {"a": {"command": "a", "gateway": {"single": false}}}}`)
		if got, want := shape(d), "keep a@1"; got != want {
			t.Errorf("got %q, want %q: it has no effect", got, want)
		}
	})
}
