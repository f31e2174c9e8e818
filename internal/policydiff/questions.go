package policydiff

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse/internal/policy"
)

// listedTools are the tools that somebody knows of.
type listedTools struct {
	tools ToolLists
	// annotated means that one of the two rules files asks for annotations.
	annotated bool
}

// thing is what is asked about of a server; a thing of the kind Servers is the server.
type thing struct {
	kind policy.Kind
	name string
}

func (t thing) compare(other thing) int {
	return cmp.Or(cmp.Compare(t.kind, other.kind), strings.Compare(t.name, other.name))
}

// known is what is known of a thing: whether rules write its name out, and a listed
// tool's annotations.
type known struct {
	named       bool
	annotations policy.Annotations
}

// questions are what is asked about, by server.
type questions struct{ about map[string]map[thing]known }

func (l listedTools) questions() questions {
	q := questions{about: map[string]map[thing]known{}}
	for server, tools := range l.tools {
		q.of(server)
		for name, annotations := range tools {
			q.of(server)[thing{policy.Tools, name}] = known{annotations: annotations}
		}
	}
	return q
}

// of is what is asked about of a server: itself at least.
func (q questions) of(server string) map[thing]known {
	if q.about[server] == nil {
		q.about[server] = map[thing]known{{}: {}}
	}
	return q.about[server]
}

// name adds what rules write out.
func (q questions) name(server string, kind policy.Kind, name string) {
	k := q.of(server)[thing{kind, name}]
	k.named = true
	q.of(server)[thing{kind, name}] = k
}

// states are the annotations with which a thing is asked about. What rules write out
// is asked about with all, as nothing else says what follows from it.
func (l listedTools) states(t thing, k known) []policy.Annotations {
	states := []policy.Annotations{k.annotations}
	if t.kind == policy.Tools && l.annotated && k.named {
		for a := range policy.Annotations(1 << 5) {
			if a == 0 || a&policy.Known != 0 {
				states = append(states, a)
			}
		}
	}
	return states
}

// addNamed adds every server, and everything of it, that rules write out.
func (q questions) addNamed(a *policy.Agent) {
	if a == nil {
		return
	}
	for _, r := range slices.Concat(a.Allow.Servers, a.Deny.Servers) {
		if exact(r.Pattern) {
			q.of(r.Pattern)
		}
	}
	for _, kind := range policy.Listed {
		for _, key := range slices.Concat(a.Allow.Of(kind), a.Deny.Of(kind)) {
			if !exact(key.Server.Pattern) {
				continue
			}
			q.of(key.Server.Pattern)
			for _, r := range key.Rules {
				if exact(r.Pattern) && (kind != policy.Tools || !policy.IsAnnotation(r.Pattern)) {
					q.name(key.Server.Pattern, kind, r.Pattern)
				}
			}
		}
	}
}
