package gate

import (
	"encoding/json"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
)

const (
	// defaultBudget is what the definitions of one answer may cost unless the
	// agent says otherwise, in tokens.
	defaultBudget = 8000
	// maxOmittedBytes limits what is said of the tools that are left out.
	maxOmittedBytes = 8000
)

// budget chooses definitions: whole ones in the server's order as long as they
// fit. The zero budget is not usable.
type budget struct {
	room    int64 // tokens
	alone   int64 // what a definition may cost if it comes alone
	used    int64
	bytes   int // what the chosen ones take in an answer
	full    bool
	tools   []json.RawMessage
	cut     []string
	omitted []endpoint.Tool
}

// newBudget makes a budget of so many tokens; 0 is the default. A definition
// that alone exceeds it comes all the same if the default would have done.
func newBudget(asked int64) budget {
	if asked == 0 {
		asked = defaultBudget
	}
	return budget{room: asked, alone: max(asked, defaultBudget)}
}

// take takes one more definition, or leaves it out.
func (b *budget) take(t endpoint.Tool) {
	if b.full {
		b.omitted = append(b.omitted, t)
		return
	}
	cost, size := tokens(t.Raw), inAnswer(t.Raw)
	first := len(b.tools) == 0
	if b.full = !first && (b.used+cost > b.room || b.bytes+size > maxOwnBytes); b.full {
		b.omitted = append(b.omitted, t)
		return
	}
	raw := t.Raw
	if first && (cost > b.alone || size > maxOwnBytes) {
		raw, cost = cutDefinition(t, cost, size > maxOwnBytes)
		size = inAnswer(raw)
		b.cut = append(b.cut, front.Shown(t.Name))
	}
	b.bytes += size
	b.tools = append(b.tools, raw)
	b.used += cost
}

// fill puts what was chosen, and what is said of the rest, into an answer.
func (b *budget) fill(a *toolsAnswer) {
	if b.tools != nil {
		a.Tools = b.tools
	}
	a.Returned, a.TokensUsed, a.Cut = len(b.tools), int(b.used), b.cut
	a.Omitted, a.OmittedMore = brief(b.omitted, true)
	if a.OmittedMore > 0 { // More names without their sentences are better than fewer with them.
		a.Omitted, a.OmittedMore = brief(b.omitted, false)
	}
}

// brief names tools, with the first sentence of their descriptions if wanted,
// as many as there is room for; more are the others.
func brief(list []endpoint.Tool, sentences bool) (named []string, more int) {
	named = []string{}
	size := 0
	for i, t := range list {
		text := front.Shown(t.Name)
		if sentences {
			if about := firstSentence(rawjson.Text(rawjson.Get(t.Raw, "description"))); about != "" {
				text += ": " + about
			}
		}
		if size += len(text) + len(`"",`); size > maxOmittedBytes {
			return named, len(list) - i
		}
		named = append(named, text)
	}
	return named, 0
}

// tokens is what a definition costs: a quarter of its bytes, rounded up.
func tokens(raw json.RawMessage) int64 { return int64(len(raw)+3) / 4 }
