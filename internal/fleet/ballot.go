package fleet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Verdict is what follows from what the nodes say of a candidate.
type Verdict int

// The verdicts.
const (
	Waiting   Verdict = iota // somebody has not answered yet
	Agreed                   // all can follow: it may be made active
	Refused                  // somebody cannot, or variables mean different things
	Overtaken                // another candidate has taken its place
	Nobody                   // no node lives that could answer
	InForce                  // it is active already
)

// Ballot is what the nodes of a view say of one candidate.
type Ballot struct {
	Verdict Verdict
	// Nodes are those that live, in the order of their ids.
	Nodes []Vote
	// Differences are variables that nodes resolve differently, one sentence each.
	Differences []string
	// Acks are the nodes whose answers count, and Counted is the revision at which they
	// were counted: what Store.Activate takes.
	Acks    []string
	Counted int64
}

// Vote is what one node says.
type Vote struct {
	Node     string
	Version  string
	Answer   Answer
	Problems []string
}

// Answer is a kind of vote.
type Answer string

// The answers.
const (
	NoAnswer Answer = "no answer yet"
	CanDo    Answer = "can follow"
	Cannot   Answer = "cannot follow"
	Skipped  Answer = "skipped"
	Leaves   Answer = "leaves"
)

// Count counts what the nodes say of a candidate. Those to be skipped have no say, and
// neither have those that leave. Those that cannot follow what is active keep nothing
// back, unless there are no others.
func Count(v View, candidate int64, skip []string) Ballot {
	b := Ballot{Counted: v.Revision}
	digests := map[string]map[string]string{} // by node
	waits, refused := false, false
	voters := v.voters(skip)
	for _, id := range slices.Sorted(maps.Keys(v.Nodes)) {
		n := v.Nodes[id]
		vote := Vote{Node: id, Version: n.Version, Answer: NoAnswer}
		ack, answered := v.Acks[id]
		switch {
		case slices.Contains(skip, id):
			vote.Answer = Skipped
		case n.Leaving:
			vote.Answer = Leaves
		case !answered || ack.Candidate != candidate:
			waits = waits || voters[id]
		case len(ack.Problems) > 0:
			vote.Answer, vote.Problems = Cannot, ack.Problems
			refused = refused || voters[id]
		default:
			vote.Answer = CanDo
			b.Acks = append(b.Acks, id)
			if voters[id] {
				digests[id] = ack.Digests
			}
		}
		b.Nodes = append(b.Nodes, vote)
	}
	b.Differences = differences(digests)
	b.Verdict = verdict(v, candidate, waits, refused || len(b.Differences) > 0, len(b.Acks))
	return b
}

// voters are the nodes that can keep a candidate back.
func (v View) voters(skip []string) map[string]bool {
	all, follow := map[string]bool{}, map[string]bool{}
	for id, n := range v.Nodes {
		if n.Leaving || slices.Contains(skip, id) {
			continue
		}
		all[id] = true
		if !n.Behind {
			follow[id] = true
		}
	}
	if len(follow) == 0 {
		return all
	}
	return follow
}

func verdict(v View, candidate int64, waits, refused bool, acks int) Verdict {
	switch {
	case v.Active != nil && v.Active.Candidate == candidate:
		return InForce
	case v.Candidate == nil || v.Candidate.Candidate != candidate:
		return Overtaken
	case refused:
		return Refused
	case waits:
		return Waiting
	case acks == 0:
		return Nobody
	default:
		return Agreed
	}
}

// differences are the variables that nodes resolve differently.
func differences(byNode map[string]map[string]string) []string {
	names := map[string]bool{}
	for _, digests := range byNode {
		for name := range digests {
			names[name] = true
		}
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		groups := map[string][]string{}
		for _, node := range slices.Sorted(maps.Keys(byNode)) {
			d := byNode[node][name]
			groups[d] = append(groups[d], node)
		}
		if len(groups) > 1 {
			server, variable := splitDigestName(name)
			found = append(found, fmt.Sprintf("server %q: ${%s} has different values: %s", server, variable, sides(groups)))
		}
	}
	return found
}

// sides names who has which of the values, the most nodes first.
func sides(groups map[string][]string) string {
	list := slices.SortedFunc(maps.Values(groups), func(a, b []string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a[0], b[0])
	})
	words := make([]string, 0, len(list))
	for i, nodes := range list {
		which := "one"
		if i > 0 {
			which = "another"
		}
		words = append(words, which+" on "+strings.Join(nodes, ", "))
	}
	return strings.Join(words, "; ")
}
