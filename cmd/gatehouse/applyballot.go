package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/internal/plural"
)

// applier puts a configuration into a fleet: it proposes it, waits for what each
// replica says, and makes it active.
type applier struct {
	store fleet.Store
	out   io.Writer
	name  string        // of the fleet
	wait  time.Duration // for all answers
	skip  []string
	first bool

	views chan fleet.View // holds the latest
	told  map[string]fleet.Answer
}

// settled is how long an applier waits for replicas to decide by what is active, at
// least: a wait that is over must not hide whether they do.
const settled = 5 * time.Second

// apply applies a configuration. It blocks until all replicas decide by it, one cannot,
// or time is over.
func (a *applier) apply(ctx context.Context, c fleet.Content) error {
	ctx, cancel := context.WithCancel(ctx)
	followed := make(chan struct{})
	a.views, a.told = make(chan fleet.View, 1), map[string]fleet.Answer{}
	go func() {
		defer close(followed)
		_ = a.store.Follow(ctx, a.see) // It ends with its context alone.
	}()
	defer func() {
		cancel()
		<-followed
	}()
	limited, stop := context.WithTimeout(ctx, a.wait)
	defer stop()
	v, err := a.next(limited)
	if err != nil {
		return fmt.Errorf("the fleet's store does not answer within %s: %w", a.wait, err)
	}
	if same := v.Active; same != nil && bytes.Equal(same.Servers, c.Servers) && bytes.Equal(same.Rules, c.Rules) {
		fmt.Fprintf(a.out, "nothing to do: the fleet has these files already, as generation %d\n", v.Generation)
		return nil
	}
	if err := a.mayPropose(v); err != nil {
		return err
	}
	c.RulesOnly = v.Active != nil && bytes.Equal(v.Active.Servers, c.Servers)
	candidate, err := a.store.Propose(limited, c)
	if err != nil {
		return fmt.Errorf("nothing has changed: %w", err)
	}
	generation, err := a.elect(limited, candidate)
	if err != nil {
		return err
	}
	return a.follow(ctx, generation)
}

// see keeps the latest view.
func (a *applier) see(v fleet.View) {
	select {
	case <-a.views:
	default:
	}
	a.views <- v
}

// next returns the next view.
func (a *applier) next(ctx context.Context) (fleet.View, error) {
	select {
	case v := <-a.views:
		return v, nil
	case <-ctx.Done():
		return fleet.View{}, context.Cause(ctx)
	}
}

// mayPropose returns why nothing is to be written.
func (a *applier) mayPropose(v fleet.View) error {
	for _, id := range a.skip {
		if _, lives := v.Nodes[id]; !lives {
			fmt.Fprintf(a.out, "note: there is no replica %q to skip\n", id)
		}
	}
	if len(v.Nodes) == 0 && !a.first {
		return fmt.Errorf("no replica of the fleet %q lives that could say whether it can follow, so nothing was written: "+
			"start them first, or give --first to put a configuration in place for them", a.name)
	}
	return nil
}

// othersPatience is for how long a refusal waits for what the other replicas say.
const othersPatience = time.Second

// elect waits for what the replicas say of a candidate, and makes it active.
func (a *applier) elect(ctx context.Context, candidate int64) (generation uint64, err error) {
	var b fleet.Ballot
	refused := false
	listening, enough := context.WithCancel(ctx)
	defer enough()
	for {
		v, err := a.next(listening)
		switch {
		case err != nil && refused:
			return 0, a.refused(b)
		case err != nil:
			return 0, a.late(b)
		}
		if v.Revision < candidate {
			continue // From before it was proposed.
		}
		b = fleet.Count(v, candidate, a.skip)
		a.tell(b)
		if b.Verdict == fleet.Nobody && a.first && len(b.Nodes) == 0 {
			b.Verdict = fleet.Agreed
		}
		switch b.Verdict {
		case fleet.Agreed, fleet.InForce:
			generation, err = a.store.Activate(ctx, candidate, b.Acks, b.Counted)
			if !errors.Is(err, fleet.ErrOvertaken) {
				return generation, err
			}
			// A replica came or went meanwhile: the next view shows it.
		case fleet.Overtaken:
			return 0, a.overtaken(v)
		case fleet.Refused:
			if !slices.ContainsFunc(b.Nodes, func(n fleet.Vote) bool { return n.Answer == fleet.NoAnswer }) {
				return 0, a.refused(b)
			}
			if !refused { // The others are about to answer, and may have the same to say.
				timer := time.AfterFunc(othersPatience, enough)
				defer timer.Stop()
			}
			refused = true
		case fleet.Nobody:
			return 0, errors.New("nothing has changed: no replica is left that could say whether it can follow")
		case fleet.Waiting:
		}
	}
}

// tell prints what is new of the replicas' answers.
func (a *applier) tell(b fleet.Ballot) {
	for _, n := range b.Nodes {
		if a.told[n.Node] == n.Answer || n.Answer == fleet.NoAnswer {
			continue
		}
		a.told[n.Node] = n.Answer
		fmt.Fprintf(a.out, "  %s (%s): %s\n", n.Node, n.Version, n.Answer)
		for _, p := range n.Problems {
			fmt.Fprintf(a.out, "      %s\n", p)
		}
	}
}

func (a *applier) refused(b fleet.Ballot) error {
	for _, d := range b.Differences {
		fmt.Fprintf(a.out, "  %s\n", d)
	}
	var who []string
	for _, n := range b.Nodes {
		if n.Answer == fleet.Cannot {
			who = append(who, n.Node)
		}
	}
	if len(who) == 0 {
		return errors.New("nothing has changed: replicas give variables different values. Give them the same ones, or leave one out with --skip REPLICA")
	}
	return fmt.Errorf("nothing has changed: %s cannot follow. Mend that, or go on without with --skip %s", strings.Join(who, ", "), strings.Join(who, ","))
}

func (a *applier) overtaken(v fleet.View) error {
	by := "somebody"
	if v.Candidate != nil && v.Candidate.By != "" {
		by = v.Candidate.By
	}
	return fmt.Errorf("nothing of this has changed: %s has proposed another configuration meanwhile, which counts. Look at it, and apply again", by)
}

// late returns the error of a wait that is over.
func (a *applier) late(b fleet.Ballot) error {
	var silent []string
	for _, n := range b.Nodes {
		if n.Answer == fleet.NoAnswer {
			silent = append(silent, n.Node)
		}
	}
	if len(silent) == 0 {
		return fmt.Errorf("nothing has changed: the fleet's store does not answer within %s", a.wait)
	}
	return fmt.Errorf("nothing has changed: no answer from %s within %s. Wait longer with --wait, or go on without with --skip %s",
		strings.Join(silent, ", "), a.wait, strings.Join(silent, ","))
}

// follow waits until all replicas decide by a generation.
func (a *applier) follow(ctx context.Context, generation uint64) error {
	ctx, cancel := context.WithTimeout(ctx, max(a.wait, settled))
	defer cancel()
	var behind []string
	for {
		v, err := a.next(ctx)
		if err != nil {
			return fmt.Errorf("generation %d is active, but %s does not decide by it yet: see \"gatehouse status\" there", generation, strings.Join(behind, ", "))
		}
		if v.Generation < generation {
			continue
		}
		behind = a.behind(v, generation)
		if len(behind) == 0 {
			fmt.Fprintf(a.out, "generation %d is in force on %s\n", generation, plural.Of(following(v, generation), "replica"))
			return nil
		}
	}
}

// behind are the replicas that do not decide by a generation yet, but for those that
// are to be skipped or leave.
func (a *applier) behind(v fleet.View, generation uint64) (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(v.Nodes)) {
		if n := v.Nodes[id]; n.Generation < generation && n.Stays() && !slices.Contains(a.skip, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// following counts the replicas that decide by a generation.
func following(v fleet.View, generation uint64) (n int) {
	for _, node := range v.Nodes {
		if node.Generation >= generation {
			n++
		}
	}
	return n
}
