package config_test

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/resolve"
	"gatehouse/internal/snapshot"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// stage is a config actor between probes, in a bubble.
type stage struct {
	*testkit.World
	t          *testing.T
	pid        *actor.PID
	gateway    *testkit.Probe
	supervisor *testkit.Probe
	operator   *testkit.Probe
	events     *testkit.Events
	view       *configactor.View
	snap       *snapshot.Snapshot // the one in force
}

func onStage(t *testing.T, servers string, play func(t *testing.T, s *stage)) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		s := &stage{World: w, t: t, gateway: w.Probe(), supervisor: w.Probe(), operator: w.Probe(), events: w.Events(), view: &configactor.View{}}
		src := configactor.Sources{
			ServersFile: "/s/.mcp.json", RulesFile: "/s/rules.json", Env: resolve.Env{FileDir: "/s", ServersDir: "/state/servers", GOOS: "linux"},
			ReachesSelf: noURL, RunsSelf: noProgram,
		}
		first, problems := configactor.Load(src, func(role messages.FileRole, path string) messages.ConfigChanged {
			if role == messages.RoleRules {
				return changed(role, path, `{"agents": {"a": {"allow": {"servers": ["*"]}}}}`)
			}
			return changed(role, path, servers)
		})
		if jsondoc.HasErrors(problems) {
			t.Fatal(problems)
		}
		s.pid = w.Spawn(configactor.Props(configactor.Config{
			First: first, Sources: src, Gateway: s.gateway.PID,
			Supervisor: s.supervisor.PID, View: s.view, Log: slog.New(slog.DiscardHandler),
		}))
		s.inForce()
		play(t, s)
	})
}

func noURL(string) bool           { return false }
func noProgram(resolve.Spec) bool { return false }

func changed(role messages.FileRole, path, content string) messages.ConfigChanged {
	sum := sha256.Sum256([]byte(content))
	return messages.ConfigChanged{Role: role, Path: path, Content: []byte(content), Hash: hex.EncodeToString(sum[:]), Trigger: "change"}
}

// inForce plays the gateway: it takes the next snapshot and says so. It gives
// what the supervisor is told then.
func (s *stage) inForce() messages.ApplyDiff {
	s.t.Helper()
	s.snap = testkit.Expect[messages.ReplaceSnapshot](s.t, s.gateway).Snapshot
	s.Send(s.pid, messages.SnapshotReplaced{Generation: s.snap.Generation})
	return testkit.Expect[messages.ApplyDiff](s.t, s.supervisor)
}

func (s *stage) ask(question any) {
	s.System.Root.RequestWithCustomSender(s.pid, question, s.operator.PID)
}

// refused asks, and fails unless nothing is changed and the reply has the
// fragment.
func (s *stage) refused(question any, fragment string) messages.OperateReply {
	s.t.Helper()
	s.ask(question)
	r := testkit.Expect[messages.OperateReply](s.t, s.operator)
	if !strings.Contains(r.Err, fragment) || r.Generation != s.snap.Generation {
		s.t.Errorf("got %+v, want an error with %q", r, fragment)
	}
	testkit.ExpectNone(s.t, s.gateway)
	return r
}

// done asks, and gives what the supervisor is told and the reply, which must
// come only once the generation is in force.
func (s *stage) done(question any) (messages.ApplyDiff, messages.OperateReply) {
	s.t.Helper()
	s.ask(question)
	testkit.ExpectNone(s.t, s.operator)
	diff := s.inForce()
	r := testkit.Expect[messages.OperateReply](s.t, s.operator)
	if r.Err != "" || r.Generation != s.snap.Generation {
		s.t.Errorf("reply %+v in generation %d", r, s.snap.Generation)
	}
	return diff, r
}

func (s *stage) cell(name string) *endpoint.Cell {
	s.t.Helper()
	r, ok := s.snap.Route(name)
	if !ok {
		s.t.Fatalf("generation %d has no server %q", s.snap.Generation, name)
	}
	return r.Cell
}

// renewed fails unless the server, and it alone, is drained and started.
func (s *stage) renewed(diff messages.ApplyDiff, name string, was *endpoint.Cell) messages.ServerPlan {
	s.t.Helper()
	if len(diff.Start) != 1 || len(diff.Drain) != 1 || diff.Start[0].Entry.Name != name || diff.Drain[0].Cell != was {
		s.t.Fatalf("start %v, drain %v", diff.Start, diff.Drain)
	}
	p := diff.Start[0]
	if p.Cell != s.cell(name) || p.Cell == was || p.Generation != s.snap.Generation {
		s.t.Errorf("the plan of %q of generation %d does not have the snapshot's new cell", name, p.Generation)
	}
	return p
}

const twoServers = `{"mcpServers": {"db": {"command": "db"}, "api": {"command": "api"}, "off": {"command": "off", "disabled": true}}}`

func TestRestart_isAGenerationWithOneFreshCell(t *testing.T) {
	onStage(t, twoServers, func(t *testing.T, s *stage) {
		was, other := s.cell("db"), s.cell("api")
		was.NextRun()
		was.PublishCatalog(endpoint.Catalog{Known: true})
		diff, _ := s.done(messages.RestartServer{Name: "db"})
		p := s.renewed(diff, "db", was)
		if p.Unusable != "" || p.Cell.NextRun() != 2 || !p.Cell.Catalog().Known {
			t.Error("the new cell does not go on where the old one was")
		}
		if s.cell("api") != other {
			t.Error("the other server has a new cell too")
		}
		e := testkit.ExpectThat(t, s.events, func(e messages.ConfigReloaded) bool { return e.Role == messages.RoleOperator })
		if e.Trigger != "restart" || e.Outcome != messages.Applied || len(e.Changed) != 1 || e.Changed[0].Name != "db" {
			t.Errorf("reported as %+v, want a restart of db, applied, that changed db alone", e)
		}
	})
}

func TestOperate_unknownServer_listsThoseThatAre(t *testing.T) {
	onStage(t, twoServers, func(t *testing.T, s *stage) {
		for _, question := range []any{messages.RestartServer{Name: "dbx"}, messages.ReleaseServer{Name: "dbx"}, messages.HoldServer{Name: "dbx"}} {
			if r := s.refused(question, `there are "api", "db", "off"`); !r.Unknown {
				t.Errorf("%T: not marked as unknown", question)
			}
		}
	})
}

func TestRestart_serverThatMustNotRun_isRefused(t *testing.T) {
	onStage(t, twoServers, func(t *testing.T, s *stage) {
		s.refused(messages.RestartServer{Name: "off"}, "disabled")
		s.refused(messages.ReleaseServer{Name: "off"}, "disabled")
		s.done(messages.HoldServer{Name: "db"})
		s.refused(messages.RestartServer{Name: "db"}, "release it first")
	})
}

func TestRelease_dependsOnTheState(t *testing.T) {
	cases := map[endpoint.State]bool{
		endpoint.Quarantined: true, endpoint.NeedsAuth: true, endpoint.BackingOff: true,
		endpoint.Ready: false, endpoint.Starting: false, endpoint.Idle: false,
	}
	for state, fresh := range cases {
		t.Run(string(state), func(t *testing.T) {
			onStage(t, twoServers, func(t *testing.T, s *stage) {
				was := s.cell("db")
				testkit.Publish(was, endpoint.Status{State: state})
				if fresh {
					diff, _ := s.done(messages.ReleaseServer{Name: "db"})
					s.renewed(diff, "db", was)
					return
				}
				s.ask(messages.ReleaseServer{Name: "db"})
				r := testkit.Expect[messages.OperateReply](t, s.operator)
				if r.Err != "" || !strings.Contains(r.Note, "nothing to release") {
					t.Errorf("got %+v, want no error and the note that there is nothing to release", r)
				}
				testkit.ExpectNone(t, s.gateway)
			})
		})
	}
}

func TestRelease_ofAServerThatGoesOn_endsFailedInstancesAndLiftsBlocks(t *testing.T) {
	onStage(t, `{"mcpServers": {"ours": {"command": "o", "gateway": {"scope": "agent"}}}}`, func(t *testing.T, s *stage) {
		failed := s.halfWell("ours")
		s.ask(messages.ReleaseServer{Name: "ours"})
		r := testkit.Expect[messages.OperateReply](t, s.operator)
		for _, part := range []string{`1 instance of "ours" that had failed may start anew`, "1 block lifted"} {
			if !strings.Contains(r.Note, part) {
				t.Errorf("got %+v, want a note with %q", r, part)
			}
		}
		s.eased("ours", failed)
		testkit.ExpectNone(t, s.gateway)
	})
}

// halfWell has an instance of a server fail for one agent, and another one refuse calls. It
// returns the first.
func (s *stage) halfWell(name string) *endpoint.Cell {
	s.t.Helper()
	var cells []*endpoint.Cell
	for _, agent := range []string{"x", "y"} {
		cell, _, err := s.cell(name).Instances().Obtain(endpoint.Whose{Agent: agent}, "", nil, 16, endpoint.Status{State: endpoint.Idle})
		if err != nil {
			s.t.Fatal(err)
		}
		cells = append(cells, cell)
	}
	testkit.Publish(cells[0], endpoint.Status{State: endpoint.Quarantined})
	testkit.Publish(cells[1], endpoint.Status{State: endpoint.Ready})
	cells[1].PublishGuard(&endpoint.Guard{Blocks: []endpoint.Block{{Caller: endpoint.Caller{Agent: "y"}, Until: time.Now().Add(time.Minute)}}})
	return cells[0]
}

// eased fails unless the supervisor lifts the blocks of a server and ends an instance of it.
func (s *stage) eased(name string, failed *endpoint.Cell) {
	s.t.Helper()
	if l := testkit.Expect[messages.LiftBlocks](s.t, s.supervisor); l.Name != name || l.Cell != s.cell(name) {
		s.t.Errorf("got %+v, want the blocks of %s lifted", l, name)
	}
	if e := testkit.Expect[messages.EndInstance](s.t, s.supervisor); e.Name != name || e.Cell != failed {
		s.t.Errorf("got %+v, want the instance that has failed ended", e)
	}
}

func TestHold_stopsUntilReleased(t *testing.T) {
	onStage(t, twoServers, func(t *testing.T, s *stage) {
		was := s.cell("db")
		diff, r := s.done(messages.HoldServer{Name: "db", Why: "disk swap"})
		p := s.renewed(diff, "db", was)
		if p.Unusable != endpoint.Held || p.Cell.Status().State != endpoint.Held || !strings.Contains(p.Cell.Status().Reason, "disk swap") {
			t.Errorf("plan %v %q, status %+v, want both held because of the disk swap", p.Unusable, p.Reason, p.Cell.Status())
		}
		if !strings.Contains(r.Note, "until it is released") {
			t.Errorf("the reply says %q, want until it is released", r.Note)
		}
		if holds := s.view.Load().Holds; len(holds) != 1 || holds[0].Server != "db" || holds[0].Why != "disk swap" {
			t.Errorf("holds shown: %+v, want db alone, because of the disk swap", holds)
		}
		was = s.cell("db")
		diff, _ = s.done(messages.ReleaseServer{Name: "db"})
		if p := s.renewed(diff, "db", was); p.Unusable != "" {
			t.Errorf("after the release it is %q, want it usable", p.Unusable)
		}
		if holds := s.view.Load().Holds; len(holds) != 0 {
			t.Errorf("holds shown: %+v, want none", holds)
		}
	})
}

func TestRelease_ofAHeldServerThatMustNotRun_saysThatItDoesNotStart(t *testing.T) {
	for servers, want := range map[string]string{
		`{"mcpServers": {"db": {"command": "db", "disabled": true}}}`: "does not start: it is disabled",
		`{"mcpServers": {"api": {"command": "api"}}}`:                 "there is no such server now",
	} {
		onStage(t, twoServers, func(t *testing.T, s *stage) {
			s.done(messages.HoldServer{Name: "db"})
			s.Send(s.pid, changed(messages.RoleServers, "/s/.mcp.json", servers))
			s.inForce()
			if _, r := s.done(messages.ReleaseServer{Name: "db"}); !strings.Contains(r.Note, want) {
				t.Errorf("after %s: got %+v, want a note with %q", servers, r, want)
			}
		})
	}
}

func TestHold_survivesReloadsOfAnyKind(t *testing.T) {
	onStage(t, twoServers, func(t *testing.T, s *stage) {
		s.done(messages.HoldServer{Name: "db"})
		for _, servers := range []string{
			`{"mcpServers": {"db": {"command": "db"}, "new": {"command": "new"}}}`,            // another server
			`{"mcpServers": {"db": {"command": "db", "args": ["x"]}}}`,                        // its entry
			`{"mcpServers": {"api": {"command": "api"}}}`,                                     // it is gone
			`{"mcpServers": {"db": {"command": "db", "disabled": true, "description": "d"}}}`, // it is back
			`{"mcpServers": {"db": {"command": "db"}}}`,
		} {
			s.Send(s.pid, changed(messages.RoleServers, "/s/.mcp.json", servers))
			s.inForce()
			if r, ok := s.snap.Route("db"); ok && r.Cell.Status().State != endpoint.Held {
				t.Errorf("after %s it is %s, want held", servers, r.Cell.Status().State)
			}
		}
		s.done(messages.ReleaseServer{Name: "db"})
		if got := s.cell("db").Status().State; got != endpoint.Starting {
			t.Errorf("released it is %s, want %s", got, endpoint.Starting)
		}
	})
}

func TestHold_withATime_endsByItself(t *testing.T) {
	onStage(t, twoServers, func(t *testing.T, s *stage) {
		begun := time.Now()
		s.done(messages.HoldServer{Name: "db", For: time.Hour})
		if got := s.cell("db").Status().RetryAt; !got.Equal(begun.Add(time.Hour)) {
			t.Errorf("its next attempt is at %s, want %s", got, begun.Add(time.Hour))
		}
		s.Sleep(time.Hour - time.Second)
		testkit.ExpectNone(t, s.gateway)
		s.Sleep(2 * time.Second)
		s.inForce()
		if got := s.cell("db").Status().State; got != endpoint.Starting {
			t.Errorf("once the hold is over it is %s, want %s", got, endpoint.Starting)
		}
	})
}

func TestHold_replacedOrReleased_earlierTimerMeansNothing(t *testing.T) {
	onStage(t, twoServers, func(t *testing.T, s *stage) {
		s.done(messages.HoldServer{Name: "db", For: time.Hour})
		s.done(messages.HoldServer{Name: "db"})
		s.done(messages.HoldServer{Name: "api", For: time.Hour})
		s.done(messages.ReleaseServer{Name: "api"})
		s.Sleep(2 * time.Hour)
		testkit.ExpectNone(t, s.gateway)
		if got := s.cell("db").Status().State; got != endpoint.Held {
			t.Errorf("it is %s, want %s", got, endpoint.Held)
		}
	})
}

func TestHold_ofAServerThatLeftTheFiles_canBeReleased(t *testing.T) {
	onStage(t, twoServers, func(t *testing.T, s *stage) {
		s.done(messages.HoldServer{Name: "db"})
		s.Send(s.pid, changed(messages.RoleServers, "/s/.mcp.json", `{"mcpServers": {}}`))
		s.inForce()
		if holds := s.view.Load().Holds; len(holds) != 1 {
			t.Errorf("holds shown: %+v, want one", holds)
		}
		s.done(messages.ReleaseServer{Name: "db"})
		s.refused(messages.ReleaseServer{Name: "db"}, "nor any other")
	})
}

func TestView_showsTheHashesInForce(t *testing.T) {
	onStage(t, twoServers, func(t *testing.T, s *stage) {
		first := s.view.Load()
		m := changed(messages.RoleServers, "/s/.mcp.json", `{"mcpServers": {}}`)
		s.Send(s.pid, m)
		s.Send(s.pid, changed(messages.RoleServers, "/s/.mcp.json", `{"mcpServers": `))
		s.inForce()
		s.Sleep(time.Second)
		got := s.view.Load()
		if got.Generation != 2 || got.Hashes["/s/.mcp.json"] != m.Hash {
			t.Errorf("in force: %+v, want generation 2 and the new hash of /s/.mcp.json, %s", got, m.Hash)
		}
		if first.Hashes["/s/.mcp.json"] == m.Hash || first.Hashes["/s/rules.json"] != got.Hashes["/s/rules.json"] {
			t.Error("an earlier picture has changed, or another file's hash has")
		}
	})
}

func TestSettle_answersOnceNothingIsOnItsWay(t *testing.T) {
	onStage(t, twoServers, func(t *testing.T, s *stage) {
		s.ask(messages.SettleQuery{})
		if r := testkit.Expect[messages.SettleReply](t, s.operator); r.Generation != 1 {
			t.Errorf("got %+v, want generation 1", r)
		}
		s.Send(s.pid, changed(messages.RoleServers, "/s/.mcp.json", `{"mcpServers": {}}`))
		s.ask(messages.SettleQuery{})
		testkit.ExpectNone(t, s.operator)
		s.inForce()
		if r := testkit.Expect[messages.SettleReply](t, s.operator); r.Generation != 2 {
			t.Errorf("got %+v, want generation 2", r)
		}
	})
}
