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

	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
)

// applier puts a configuration into a fleet: it proposes it, waits for what each
// replica says, and makes it active. What it prints is in its result as well.
type applier struct {
	store fleet.Store
	out   io.Writer
	name  string        // of the fleet
	wait  time.Duration // for all answers
	skip  []string
	first bool

	views  chan fleet.View // holds the latest
	told   map[string]fleet.Answer
	result admin.Applied
}

// settled is how long an applier waits for replicas to decide by what is active, at
// least: a wait that is over must not hide whether they do.
const settled = 5 * time.Second

// apply applies a configuration. It blocks until all replicas decide by it, one cannot,
// or time is over. The result has the error, too.
func (a *applier) apply(ctx context.Context, c fleet.Content) error {
	a.result = admin.Applied{Outcome: admin.NotApplied, Replicas: []admin.ReplicaSay{}}
	err := a.try(ctx, c)
	if err != nil {
		a.result.Error = err.Error()
	}
	return err
}

func (a *applier) try(ctx context.Context, c fleet.Content) error {
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
		a.result.Outcome, a.result.Generation = admin.Unchanged, v.Generation
		fmt.Fprintln(a.out, a.result)
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
			a.result.Notes = append(a.result.Notes, fmt.Sprintf("there is no replica %q to skip", id))
			printNote(a.out, a.result.Notes[len(a.result.Notes)-1])
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
				return generation, a.unknown(ctx, err)
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

// unknown says of a store that has not answered in time that it may have done all the same
// what it was asked for.
func (a *applier) unknown(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	a.result.Outcome = admin.Unknown
	return fmt.Errorf("it is not known whether it is active: apply it again, which says so if it is: %w", err)
}

// tell prints what is new of the replicas' answers.
func (a *applier) tell(b fleet.Ballot) {
	a.result.Replicas = a.result.Replicas[:0]
	for _, n := range b.Nodes {
		say := admin.ReplicaSay{Node: n.Node, Version: n.Version, Answer: string(n.Answer), Problems: n.Problems}
		a.result.Replicas = append(a.result.Replicas, say)
		if a.told[n.Node] != n.Answer && n.Answer != fleet.NoAnswer {
			a.told[n.Node] = n.Answer
			printSay(a.out, say)
		}
	}
}

func printSay(w io.Writer, r admin.ReplicaSay) {
	fmt.Fprintf(w, "  %s (%s): %s\n", line(r.Node), line(r.Version), line(r.Answer))
	for _, p := range r.Problems {
		fmt.Fprintf(w, "      %s\n", line(p))
	}
}

func printNote(w io.Writer, text string)       { fmt.Fprintf(w, "note: %s\n", line(text)) }
func printDifference(w io.Writer, text string) { fmt.Fprintf(w, "  %s\n", line(text)) }

func (a *applier) refused(b fleet.Ballot) error {
	a.result.Differences = b.Differences
	for _, d := range b.Differences {
		printDifference(a.out, d)
	}
	var who []string
	for _, n := range b.Nodes {
		if n.Answer == fleet.Cannot && !slices.Contains(a.skip, n.Node) {
			who = append(who, n.Node)
		}
	}
	if len(who) == 0 {
		return errors.New("nothing has changed: replicas give variables different values. Give them the same ones, or leave one out with --skip REPLICA")
	}
	if !a.others(b, who) {
		return errors.New("nothing has changed: none of the replicas can follow. Mend the files, or give all replicas what they lack, and apply again")
	}
	return fmt.Errorf("nothing has changed: %s cannot follow. Mend that, or go on without with --skip %s", strings.Join(who, ", "), a.skipping(who))
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
	if !a.others(b, silent) {
		return fmt.Errorf("nothing has changed: none of the replicas has answered within %s. Wait longer with --wait, or look at their logs", a.wait)
	}
	return fmt.Errorf("nothing has changed: no answer from %s within %s. Wait longer with --wait, or go on without with --skip %s",
		strings.Join(silent, ", "), a.wait, a.skipping(silent))
}

// others reports whether there are replicas beside these, and those that are skipped.
func (a *applier) others(b fleet.Ballot, than []string) bool {
	return slices.ContainsFunc(b.Nodes, func(n fleet.Vote) bool {
		return n.Answer != fleet.Leaves && !slices.Contains(than, n.Node) && !slices.Contains(a.skip, n.Node)
	})
}

// skipping is what --skip is to be given to go on without some replicas, and those that are
// skipped already.
func (a *applier) skipping(who []string) string { return strings.Join(slices.Concat(a.skip, who), ",") }

// follow waits until all replicas decide by a generation.
func (a *applier) follow(ctx context.Context, generation uint64) error {
	a.result.Outcome, a.result.Generation = admin.Active, generation
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
			a.result.Outcome, a.result.Following = admin.InForce, following(v, generation)
			fmt.Fprintln(a.out, a.result)
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
