package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
	fleetkit "gatehouse/testkit/fleet"
)

// replica is one that answers candidates as a test wants.
type replica struct {
	id     string
	says   func(candidate int64) *fleet.Ack // nil is no answer
	halts  bool                             // it does not follow what is active
	client *fleetkit.MemoryClient
}

// can answers that a replica can follow, with the digest of one variable.
func can(digest string) func(int64) *fleet.Ack {
	return func(c int64) *fleet.Ack {
		return &fleet.Ack{Candidate: c, Digests: map[string]string{fleet.DigestName("db", "TOKEN"): digest}}
	}
}

func cannot(c int64) *fleet.Ack {
	return &fleet.Ack{Candidate: c, Problems: []string{"variable TOKEN is not set"}}
}

func silent(int64) *fleet.Ack { return nil }

// lives plays a replica until ctx ends.
func (r *replica) lives(ctx context.Context, t *testing.T, m *fleetkit.MemoryStore) {
	t.Helper()
	r.client = m.Client()
	n := fleet.Node{ID: r.id, Boot: r.id, Version: "v1.2.3"}
	l, _, err := r.client.Join(ctx, n, time.Hour, 0)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		judged := int64(0)
		_ = r.client.Follow(ctx, func(v fleet.View) {
			if v.Candidate != nil && v.Candidate.Candidate != judged {
				judged = v.Candidate.Candidate
				if ack := r.says(judged); ack != nil {
					ack.Node = r.id
					_ = r.client.Acknowledge(ctx, *ack, l)
				}
			}
			if v.Generation != n.Generation && !r.halts {
				n.Generation = v.Generation
				_ = r.client.PutNode(ctx, n, l)
			}
		})
	}()
}

// applied applies a configuration to a fleet of these replicas, and returns what was
// printed, the error's text and what the store holds afterwards.
func applied(t *testing.T, change func(*applier), before *fleet.Content, replicas ...*replica) (out, problem string, v fleet.View) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		m := fleetkit.NewMemoryStore()
		if before != nil {
			c := m.Client()
			candidate, _ := c.Propose(ctx, *before)
			if _, err := c.Activate(ctx, candidate, nil, candidate); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range replicas {
			r.lives(ctx, t, m)
		}
		synctest.Wait()
		var b strings.Builder
		a := &applier{store: m.Client(), out: &b, name: "shop", wait: 30 * time.Second}
		if change != nil {
			change(a)
		}
		err := a.apply(ctx, fleet.Content{Servers: []byte("servers"), Rules: []byte("rules"), By: "me"})
		if err != nil {
			problem = err.Error()
		}
		out, v = b.String(), m.View()
		cancel()
		synctest.Wait()
	})
	return out, problem, v
}

// wants fails unless a text has all of these words.
func wants(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s: got %q, want %q in it", what, text, w)
		}
	}
}

// unchanged fails unless nothing is active.
func unchanged(t *testing.T, v fleet.View) {
	t.Helper()
	if v.Active != nil || v.Generation != 0 {
		t.Errorf("got %+v active in generation %d, want nothing", v.Active, v.Generation)
	}
}

func TestApply_allCanFollow_itIsInForceOnAll(t *testing.T) {
	out, problem, v := applied(t, nil, nil, &replica{id: "n1", says: can("1")}, &replica{id: "n2", says: can("1")})
	if problem != "" || v.Active == nil || string(v.Active.Rules) != "rules" || v.Active.By != "me" {
		t.Fatalf("got %q and %+v active, want the new configuration", problem, v.Active)
	}
	wants(t, "output", out, "n1 (v1.2.3): can follow", "n2 (v1.2.3): can follow", "is in force on 2 replicas")
}

func TestApply_oneCannotFollow_nothingChanges(t *testing.T) {
	out, problem, v := applied(t, nil, nil, &replica{id: "n1", says: can("1")}, &replica{id: "n2", says: cannot})
	unchanged(t, v)
	wants(t, "output", out, "n2 (v1.2.3): cannot follow", "TOKEN is not set")
	wants(t, "error", problem, "nothing has changed", "n2", "--skip n2")
}

// Whoever has to mend something is told of all of it, and waits for no one that is silent.
func TestApply_refused_isToldWhatTheOthersSay(t *testing.T) {
	slow := func(c int64) *fleet.Ack {
		time.Sleep(500 * time.Millisecond) // Of a bubble's.
		return can("1")(c)
	}
	out, _, v := applied(t, nil, nil, &replica{id: "n1", says: slow}, &replica{id: "n2", says: can("2")}, &replica{id: "n3", says: can("1")}, &replica{id: "n4", says: silent})
	unchanged(t, v)
	wants(t, "output", out, `one on n1, n3; another on n2`)
}

// mute does what it is asked for, and nobody hears its answer.
type mute struct{ fleet.Store }

func (m mute) Activate(ctx context.Context, candidate int64, acks []string, counted int64) (uint64, error) {
	_, _ = m.Store.Activate(ctx, candidate, acks, counted)
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

func TestApply_storeThatDoesNotAnswer_mayHaveDoneIt(t *testing.T) {
	var a *applier
	_, problem, v := applied(t, func(x *applier) { x.store, a = mute{x.store}, x }, nil, &replica{id: "n1", says: can("1")})
	if v.Active == nil || a.result.Outcome != admin.Unknown || !strings.Contains(problem, "not known") {
		t.Errorf("got %q and %q, and in the store %v, want that nobody knows of what is active there", a.result.Outcome, problem, v.Active)
	}
}

func TestApply_skip_goesOnWithoutOne(t *testing.T) {
	out, problem, v := applied(t, func(a *applier) { a.skip = []string{"n2", "gone"} }, nil,
		&replica{id: "n1", says: can("1")}, &replica{id: "n2", says: cannot, halts: true})
	if problem != "" || v.Active == nil {
		t.Fatalf("got %q, want that it is active", problem)
	}
	wants(t, "output", out, "n2 (v1.2.3): skipped", "in force on 1 replica", `no replica "gone"`)
}

func TestApply_variablesDiffer_namesServerVariableAndReplica(t *testing.T) {
	out, problem, v := applied(t, nil, nil,
		&replica{id: "n1", says: can("1")}, &replica{id: "n2", says: can("2")}, &replica{id: "n3", says: can("1")})
	unchanged(t, v)
	wants(t, "output", out, `server "db": ${TOKEN} has different values: one on n1, n3; another on n2`)
	wants(t, "error", problem, "nothing has changed", "--skip")
}

func TestApply_noAnswer_namesWho(t *testing.T) {
	_, problem, v := applied(t, nil, nil, &replica{id: "n1", says: can("1")}, &replica{id: "n2", says: silent})
	unchanged(t, v)
	wants(t, "error", problem, "no answer from n2 within 30s", "--skip n2")
}

func TestApply_noReplicaLives_writesNothingUnlessFirst(t *testing.T) {
	_, problem, v := applied(t, nil, nil)
	wants(t, "error", problem, "no replica", "--first")
	if v.Candidate != nil {
		t.Errorf("got the candidate %+v, want nothing written", v.Candidate)
	}
	out, problem, v := applied(t, func(a *applier) { a.first = true }, nil)
	if problem != "" || v.Active == nil {
		t.Errorf("got %q and %+v active, want the first configuration", problem, v.Active)
	}
	wants(t, "output", out, "is in force on 0 replicas")
}

func TestApply_sameFiles_changeNothing(t *testing.T) {
	out, problem, _ := applied(t, nil, &fleet.Content{Servers: []byte("servers"), Rules: []byte("rules")}, &replica{id: "n1", says: cannot})
	if problem != "" {
		t.Errorf("got the error %q, want none", problem)
	}
	wants(t, "output", out, "nothing to do")
}

func TestApply_rulesAlone_areSaidToBeThat(t *testing.T) {
	_, _, v := applied(t, nil, &fleet.Content{Servers: []byte("servers"), Rules: []byte("old")}, &replica{id: "n1", says: can("1")})
	if v.Active == nil || !v.Active.RulesOnly || string(v.Active.Rules) != "rules" {
		t.Errorf("got %+v active, want the new rules, as a change of the rules alone", v.Active)
	}
}

func TestApply_anotherOneComesAfter_isToldSo(t *testing.T) {
	var other *replica
	other = &replica{id: "n1", says: func(int64) *fleet.Ack {
		go func() { _, _ = other.client.Propose(context.Background(), fleet.Content{By: "her"}) }()
		return nil
	}}
	second := false
	ask := other.says
	other.says = func(c int64) *fleet.Ack {
		if second {
			return nil
		}
		second = true
		return ask(c)
	}
	_, problem, v := applied(t, nil, nil, other)
	unchanged(t, v)
	wants(t, "error", problem, "her has proposed another configuration")
}

func TestApply_oneDoesNotFollow_isNamed(t *testing.T) {
	_, problem, v := applied(t, nil, nil, &replica{id: "n1", says: can("1")}, &replica{id: "n2", says: can("1"), halts: true})
	if v.Active == nil {
		t.Error("got nothing active, want the configuration")
	}
	wants(t, "error", problem, "is active, but n2 does not decide by it yet")
}

// A hint that would leave nobody helps nobody.
func TestApply_refused_saysWhatIsRightToDo(t *testing.T) {
	lives := func(says ...func(int64) *fleet.Ack) (all []*replica) {
		for i, s := range says {
			all = append(all, &replica{id: fmt.Sprint("n", i+1), says: s})
		}
		return all
	}
	one := can("1")
	for name, c := range map[string]struct {
		replicas []*replica
		skip     []string
		want     string
		not      string
	}{
		"all of them":               {lives(cannot, cannot), nil, "none of the replicas can follow. Mend the files", "--skip"},
		"all but those skipped":     {lives(cannot, cannot, one), []string{"n3"}, "none of the replicas can follow. Mend the files", "--skip"},
		"some, beside one skipped":  {lives(cannot, one, one), []string{"n3"}, "--skip n3,n1", "none of"},
		"nobody answers":            {lives(silent, silent), nil, "none of the replicas has answered", "--skip"},
		"one of them is silent":     {lives(silent, one), nil, "--skip n1", "none of"},
		"one silent, one skipped":   {lives(silent, one, one), []string{"n3"}, "--skip n3,n1", "none of"},
		"the only one that is left": {lives(cannot), nil, "Mend the files", "--skip"},
	} {
		_, problem, v := applied(t, func(a *applier) { a.skip = c.skip }, nil, c.replicas...)
		unchanged(t, v)
		if !strings.Contains(problem, c.want) || strings.Contains(problem, c.not) {
			t.Errorf("%s: got %q, want %q in it, and not %q", name, problem, c.want, c.not)
		}
	}
}

func TestApply_json_isJSONWhateverIsWrongWithTheFiles(t *testing.T) {
	dir := t.TempDir()
	good, bad, warns, large := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json"), filepath.Join(dir, "rules.json"), filepath.Join(dir, "large.json")
	for path, text := range map[string]string{
		good: `{"mcpServers":{}}`, bad: `{"mcpServers":{"x":{"command":7}}}`, warns: `{"agents":{}}`,
		large: `{"mcpServers":{"x":{"command":"true","args":["` + strings.Repeat("x", 1<<20) + `"]}}}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for servers, want := range map[string]string{bad: "1 error in the files", filepath.Join(dir, "none.json"): "in the files", large: "too large for a fleet"} {
		cmd := newApplyCommand()
		cmd.SilenceUsage, cmd.SilenceErrors = true, true // As below the root.
		var out strings.Builder
		cmd.SetOut(&out)
		cmd.SetErr(io.Discard)
		cmd.SetArgs([]string{"--json", "--mcp-config", servers, "--rules", warns, "--fleet", "shop", "--fleet-store", "http://127.0.0.1:1"})
		err := cmd.Execute()
		var said struct {
			Outcome, Error string
			Problems       []struct{ Code, Severity string }
		}
		if jsonErr := json.Unmarshal([]byte(out.String()), &said); err == nil || jsonErr != nil {
			t.Errorf("%s: got %v and %v for\n%s\nwant an error, and JSON", servers, err, jsonErr, out.String())
			continue
		}
		if said.Outcome != "not applied" || !strings.Contains(said.Error, want) || servers != large && len(said.Problems) == 0 {
			t.Errorf("%s: got %+v, want it not applied, %q as the error, and the problems", servers, said, want)
		}
	}
}
