package fleet

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"gatehouse/internal/fleet"
)

// proposes puts a candidate that names itself.
func proposes(t *testing.T, s fleet.Store, by string) int64 {
	t.Helper()
	revision, err := s.Propose(ctx(t), fleet.Content{Servers: []byte("{}"), Rules: []byte(`{"by":"` + by + `"}`), By: by, DigestKey: []byte{1, 2}})
	if err != nil || revision == 0 {
		t.Fatalf("%s proposes: got revision %d (%v), want one", by, revision, err)
	}
	return revision
}

// acks says that the member can follow a candidate.
func (m *member) acks(candidate int64) {
	m.t.Helper()
	if err := m.Acknowledge(ctx(m.t), fleet.Ack{Node: m.node.ID, Candidate: candidate}, m.lease); err != nil {
		m.t.Fatalf("%s says that it can follow: %v", m.node.ID, err)
	}
}

// acked waits until all of these have said something of a candidate.
func (e *eye) acked(candidate int64, ids ...string) fleet.View {
	e.t.Helper()
	return e.until("the acks", func(v fleet.View) bool {
		for _, id := range ids {
			if v.Acks[id].Candidate != candidate {
				return false
			}
		}
		return true
	})
}

// refused reports a wrong answer to an activation that something has overtaken.
func refused(t *testing.T, why string, generation uint64, err error) {
	t.Helper()
	if !errors.Is(err, fleet.ErrOvertaken) {
		t.Errorf("%s: got generation %d (%v), want %v", why, generation, err, fleet.ErrOvertaken)
	}
}

var configCases = []Case{
	{"what all can follow becomes the configuration", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a, b := join(t, open(), "a"), join(t, open(), "b")
		candidate := proposes(t, a, "me")
		a.acks(candidate)
		b.acks(candidate)
		v := eye.acked(candidate, "a", "b")
		if v.Candidate == nil || v.Candidate.Candidate != candidate || v.Active != nil || v.Generation != 0 {
			t.Fatalf("got candidate %+v, active %+v, generation %d, want the candidate alone", v.Candidate, v.Active, v.Generation)
		}
		generation, err := a.Activate(ctx(t), candidate, []string{"a", "b"}, v.Revision)
		if err != nil {
			t.Fatal(err)
		}
		v = eye.until("the generation", func(v fleet.View) bool { return v.Generation == generation })
		if again, err := b.Activate(ctx(t), candidate, []string{"a", "b"}, v.Revision); err != nil || again != generation {
			t.Errorf("got generation %d (%v) for what is active already, want %d still", again, err, generation)
		}
		if v.Active == nil || v.Active.Candidate != candidate || v.Active.By != "me" || !bytes.Equal(v.Active.Rules, []byte(`{"by":"me"}`)) {
			t.Errorf("got active %+v at its generation, want the candidate", v.Active)
		}
	}},
	{"a node that joins after the count overtakes it", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a := join(t, open(), "a")
		candidate := proposes(t, a, "me")
		a.acks(candidate)
		v := eye.acked(candidate, "a")
		join(t, open(), "late")
		generation, err := a.Activate(ctx(t), candidate, []string{"a"}, v.Revision)
		refused(t, "a node has joined", generation, err)
	}},
	{"an ack that changes or goes overtakes it", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a, b := join(t, open(), "a"), join(t, open(), "b")
		candidate := proposes(t, a, "me")
		a.acks(candidate)
		b.acks(candidate)
		v := eye.acked(candidate, "a", "b")
		if err := b.Acknowledge(ctx(t), fleet.Ack{Node: "b", Candidate: candidate, Problems: []string{"no"}}, b.lease); err != nil {
			t.Fatal(err)
		}
		generation, err := a.Activate(ctx(t), candidate, []string{"a", "b"}, v.Revision)
		refused(t, "an ack has changed", generation, err)
		b.dies()
		v = eye.until("one node", func(v fleet.View) bool { return len(v.Nodes) == 1 && len(v.Acks) == 1 })
		generation, err = a.Activate(ctx(t), candidate, []string{"a", "b"}, v.Revision)
		refused(t, "an ack has gone", generation, err)
		if _, err := a.Activate(ctx(t), candidate, []string{"a"}, v.Revision); err != nil {
			t.Errorf("got %v for those that are left, want that they are enough", err)
		}
	}},
	{"of two candidates the later one can be made active", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a := join(t, open(), "a")
		first := proposes(t, a, "first")
		second := proposes(t, a, "second")
		a.acks(second)
		v := eye.acked(second, "a")
		generation, err := a.Activate(ctx(t), first, []string{"a"}, v.Revision)
		refused(t, "another candidate", generation, err)
		if _, err := a.Activate(ctx(t), second, []string{"a"}, v.Revision); err != nil {
			t.Errorf("the later one: %v", err)
		}
	}},
	{"content that is too large is refused by a sentence", func(t *testing.T, open func() fleet.Store) {
		s := open()
		big := fleet.Content{Servers: bytes.Repeat([]byte("x"), fleet.MaxContent/2), Rules: bytes.Repeat([]byte("x"), fleet.MaxContent/2+1)}
		if _, err := s.Propose(ctx(t), big); !errors.Is(err, fleet.ErrTooLarge) {
			t.Errorf("got %v, want %v", err, fleet.ErrTooLarge)
		}
		big.Rules = big.Rules[1:]
		eye := watch(t, open())
		candidate, err := s.Propose(ctx(t), big)
		if err != nil {
			t.Fatalf("what just fits: %v", err)
		}
		v := eye.until("the candidate", func(v fleet.View) bool { return v.Candidate != nil })
		if _, err := s.Activate(ctx(t), candidate, nil, v.Revision); err != nil {
			t.Errorf("making it active: %v", err)
		}
	}},
	{"holds, releases and restarts make generations, which grow", func(t *testing.T, open func() fleet.Store) {
		s := open()
		eye := watch(t, open())
		held, err := s.PutHold(ctx(t), "a/b", fleet.Hold{Held: true, Why: "why", By: "me"})
		if err != nil {
			t.Fatal(err)
		}
		v := eye.until("the hold", func(v fleet.View) bool { return v.Generation == held })
		if h := v.Holds["a/b"]; !h.Held || h.Why != "why" || h.By != "me" || h.Revision != int64(held) {
			t.Errorf("got the hold %+v, want it as it was put, at revision %d", h, held)
		}
		if again, err := s.PutHold(ctx(t), "a/b", fleet.Hold{Held: true, Why: "why", By: "me"}); err != nil || again != held {
			t.Errorf("got generation %d (%v) for the same hold, want %d still", again, err, held)
		}
		released, err := s.PutHold(ctx(t), "a/b", fleet.Hold{})
		if err != nil {
			t.Fatal(err)
		}
		v = eye.until("the release", func(v fleet.View) bool { return v.Generation == released })
		if h := v.Holds["a/b"]; h.Held || h.Revision != int64(released) {
			t.Errorf("got the hold %+v, want it released at revision %d", h, released)
		}
		restarted, err := s.Restart(ctx(t), "a/b")
		if err != nil {
			t.Fatal(err)
		}
		v = eye.until("the restart", func(v fleet.View) bool { return v.Generation == restarted })
		if got := v.Restarts["a/b"]; got.Revision != int64(restarted) || got.Name == "" {
			t.Errorf("got the restart %+v, want a name at revision %d", got, restarted)
		}
		if held >= released || released >= restarted {
			t.Errorf("got generations %d, %d, %d, want them to grow", held, released, restarted)
		}
	}},
	{"a hold is ended if it is still there", func(t *testing.T, open func() fleet.Store) {
		s := open()
		eye := watch(t, open())
		held, err := s.PutHold(ctx(t), "a/b", fleet.Hold{Held: true, Why: "first", Until: time.Unix(1, 5).UTC()})
		if err != nil {
			t.Fatal(err)
		}
		first := eye.until("the hold", func(v fleet.View) bool { return v.Generation == held }).Holds["a/b"]
		newer, err := s.PutHold(ctx(t), "a/b", fleet.Hold{Held: true, Why: "second"})
		if err != nil {
			t.Fatal(err)
		}
		generation, err := s.EndHold(ctx(t), "a/b", first, fleet.Hold{Why: "over"})
		refused(t, "a newer hold is there", generation, err)
		second := eye.until("the newer hold", func(v fleet.View) bool { return v.Generation == newer }).Holds["a/b"]
		another := second
		another.Why = "lost with a store that had this revision"
		generation, err = s.EndHold(ctx(t), "a/b", another, fleet.Hold{Why: "over"})
		refused(t, "another hold is there", generation, err)
		over, err := s.EndHold(ctx(t), "a/b", second, fleet.Hold{Why: "over"})
		if err != nil || over <= newer {
			t.Fatalf("got generation %d (%v), want a later one than %d", over, err, newer)
		}
		if h := eye.until("its end", func(v fleet.View) bool { return v.Generation == over }).Holds["a/b"]; h.Held || h.Why != "over" {
			t.Errorf("got the hold %+v, want it ended", h)
		}
		if again, err := s.EndHold(ctx(t), "a/b", second, fleet.Hold{Why: "over"}); err != nil || again != over {
			t.Errorf("got generation %d (%v) for what another node has done, want %d still", again, err, over)
		}
	}},
	{"a wish that names a node is there as a whole, once", func(t *testing.T, open func() fleet.Store) {
		s := open()
		eye := watch(t, open())
		first := fleet.Hold{Despite: "n1", Asked: time.Unix(1, 0).UTC()}
		asked, err := s.PutHold(ctx(t), "a/b", first)
		if err != nil {
			t.Fatal(err)
		}
		v := eye.until("the wish", func(v fleet.View) bool { return v.Generation == asked })
		for _, key := range first.Keys("a/b") {
			if h := v.Holds[key]; h.Despite != "n1" || h.Revision != int64(asked) {
				t.Errorf("got %+v at %q, want the wish about n1 at revision %d as at the others", h, key, asked)
			}
		}
		next, err := s.PutHold(ctx(t), "a/b", fleet.Hold{Despite: "n2", Asked: time.Unix(2, 0).UTC()})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.PutHold(ctx(t), "a/b", first); err != nil || again != asked {
			t.Errorf("got generation %d (%v) for a wish that was put before another, want %d still", again, err, asked)
		}
		v = eye.until("the next wish", func(v fleet.View) bool { return v.Generation >= next })
		for _, node := range []string{"n1", "n2"} {
			if _, wished := v.Despite("a/b", 0)[node]; !wished {
				t.Errorf("the wish about %s is gone, want it there", node)
			}
		}
		if h := v.Holds["a/b"]; h.Despite != "n2" {
			t.Errorf("got %+v as the last wish, want that about n2", h)
		}
	}},
}
