package gate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/find"
	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
)

const (
	// maxWhole is how many hits come with their definitions.
	maxWhole = 5
	// maxSummary is how much of a description stands for a hit without one, in
	// bytes.
	maxSummary = 120
	// maxQuery limits a question, in bytes.
	maxQuery = 1000
	// defaultHits is how many hits an answer has unless the agent says otherwise.
	defaultHits = 10
	// defaultSearchBudget is what their definitions may cost then, in tokens.
	defaultSearchBudget = 1200
	// maxShownQuery is how much of a question its answer repeats, in bytes.
	maxShownQuery = 100
)

// searchAnswer is the answer of search_tools.
type searchAnswer struct {
	Fits         bool     `json:"fits"`
	Hits         []hit    `json:"hits"` // best first
	TokensUsed   int64    `json:"tokens_used"`
	Unlisted     []string `json:"unlisted,omitempty"` // servers whose tools are not known yet
	UnlistedMore int      `json:"unlisted_more,omitempty"`
	Note         string   `json:"note,omitempty"`
}

// hit is a tool that was found. It has a definition or a summary.
type hit struct {
	Server     string          `json:"server"`
	Tool       string          `json:"tool"`
	Exposed    string          `json:"exposed,omitempty"` // its name beside the gateway's own tools
	Definition json.RawMessage `json:"definition,omitempty"`
	Summary    string          `json:"summary,omitempty"`
}

// searchTools answers from memory: no server is asked, started or waited for. It
// counts as a call within the limits of the rules.
func (g *Gate) searchTools(ctx context.Context, c *call) (r relay.Result, err error) {
	err = g.router.Answer(ctx, &c.Call.Call, func(a *front.Attempt) (int, error) {
		answer, size := g.find(a, c.args)
		g.nameExposed(answer.Hits, c.Caller, a.Agent)
		if err := c.weigh(size); err != nil {
			return 0, err
		}
		c.Record.Hits = len(answer.Hits)
		r = own(answer)
		return len(r.Raw), nil
	})
	return r, err
}

// find searches what the agent may use, and returns about how many bytes the
// definitions take.
func (g *Gate) find(a *front.Attempt, args arguments) (answer searchAnswer, size int) {
	found := g.finder.search(a, args.query, args.server, int(args.limit))
	answer = searchAnswer{Fits: found.Fits, Hits: []hit{}}
	answer.Unlisted, answer.UnlistedMore = unlisted(a, args.server)
	budget := args.maxSchemaTokens
	if !found.Fits {
		answer.Note = noFit(args.query, found.tools)
		budget = 0
	}
	return answer, answer.fill(found.tools, budget)
}

// nameExposed names the hits that an agent also has beside the gateway's own
// tools.
func (g *Gate) nameExposed(hits []hit, caller agents.Caller, agent string) {
	name := g.cfg.Exposed.Namer(caller, agent)
	for i := range hits {
		hits[i].Exposed = name(hits[i].Server, hits[i].Tool)
	}
}

// fill adds the hits: the first ones with their definitions as far as these fit
// into a budget of tokens, the first in any case unless that is 0. It returns how
// many bytes the definitions take.
func (a *searchAnswer) fill(found []foundTool, budget int64) (size int) {
	whole := 0
	for _, f := range found {
		h := hit{Server: f.server, Tool: f.tool.Name}
		raw, cost := definitionFor(f.tool, whole == 0)
		fits := whole == 0 || whole < maxWhole && a.TokensUsed+cost <= budget && size+inAnswer(raw) <= maxOwnBytes/2
		if budget > 0 && fits {
			h.Definition = raw
			a.TokensUsed += cost
			size += inAnswer(raw)
			whole++
		} else {
			h.Summary = summary(f.tool)
		}
		a.Hits = append(a.Hits, h)
	}
	return size
}

// definitionFor is a tool's definition and what it costs. One that would fill
// an answer alone is cut, if it is the first.
func definitionFor(t endpoint.Tool, first bool) (json.RawMessage, int64) {
	cost := tokens(t.Raw)
	if first && cost > defaultBudget {
		return cutDefinition(t, cost, inAnswer(t.Raw) > maxOwnBytes)
	}
	return t.Raw, cost
}

// summary says in a sentence what a tool is for.
func summary(t endpoint.Tool) string {
	about := cmp.Or(rawjson.Text(rawjson.Get(t.Raw, "description")), rawjson.Text(rawjson.Get(t.Raw, "title")))
	return textcut.Marked(firstSentence(about), maxSummary)
}

// noFit says that nothing fits, and what is nearest.
func noFit(query string, near []foundTool) string {
	nearest := ""
	if len(near) > 0 {
		nearest = fmt.Sprintf(" Nearest by words: %s/%s.", front.Shown(near[0].server), front.Shown(near[0].tool.Name))
	}
	return fmt.Sprintf("No tool fits %q.%s Ask in other words; if none fits, tell the user.", textcut.Marked(oneLine(query), maxShownQuery), nearest)
}

// unlisted names the permitted servers whose tools nobody knows yet, as many as
// there is room for: one of them may have what is searched for.
func unlisted(a *front.Attempt, only string) (names []string, more int) {
	size := 0
	for name := range a.Servers() {
		r, ok := a.Snapshot.Route(name)
		if !ok || only != "" && name != only || r.Cell.Catalog().Known || r.Cell.Status().State == endpoint.Disabled {
			continue
		}
		if size += len(name) + len(`"",`); size > maxOmittedBytes {
			more++
			continue
		}
		names = append(names, name)
	}
	return names, more
}

// foundTool is a hit with what its server says of it.
type foundTool struct {
	server string
	tool   endpoint.Tool
}

// foundTools are hits, best first, and whether they fit.
type foundTools struct {
	find.Result
	tools []foundTool
}
