package gate

import (
	"context"
	"encoding/json"
	"slices"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/policy"
	"gatehouse/internal/textcut"
)

// maxInstructions limits a server's instructions in an answer, in characters.
const maxInstructions = 2000

type toolsAnswer struct {
	Server         string            `json:"server"`
	Instructions   string            `json:"instructions,omitempty"`
	State          string            `json:"state,omitempty"`         // absent when ready
	ToolsProblem   string            `json:"tools_problem,omitempty"` // why these may not be all that the server has
	Tools          []json.RawMessage `json:"tools"`
	TotalAvailable int               `json:"total_available"`
	Matched        int               `json:"matched"`
	Returned       int               `json:"returned"`
	Omitted        []string          `json:"omitted"` // name, and the first sentence of the description
	OmittedMore    int               `json:"omitted_more,omitempty"`
	Cut            []string          `json:"cut,omitempty"` // whose definitions are not whole
	NotFound       []string          `json:"not_found"`
	TokensUsed     int               `json:"tokens_used"`
}

// getServerTools answers from memory once the server has listed its tools;
// before that it waits for the server as a call would.
func (g *Gate) getServerTools(ctx context.Context, c *call) (relay.Result, error) {
	c.Wanted = c.args.names
	a, err := g.router.Lists(ctx, &c.Call.Call)
	if err != nil {
		return relay.Result{}, err
	}
	answer, size := selectTools(a, c.args)
	if err := c.weigh(size); err != nil {
		return relay.Result{}, err
	}
	return own(answer), nil
}

// selectTools picks the definitions that the agent may use and has asked for,
// as far as its budget goes, and returns about how many bytes they take.
func selectTools(at *front.Attempt, args arguments) (a toolsAnswer, size int) {
	r := at.Route
	a = toolsAnswer{
		Server: r.Entry.Name, Tools: []json.RawMessage{}, Omitted: []string{}, NotFound: []string{},
		ToolsProblem: at.Trouble(r), Instructions: textcut.Characters(at.Catalog.Info.Instructions, maxInstructions),
	}
	if st := r.Cell.Status(); st.State != endpoint.Ready {
		a.State = string(st.State)
	}
	found := map[string]bool{}
	budget := newBudget(args.maxSchemaTokens)
	for _, t := range at.Catalog.Tools {
		if !endpoint.DecideTool(at.Snapshot.Policy, at.Agent, r.Entry.Name, t.Name, at.Catalog).Allow {
			continue
		}
		a.TotalAvailable++
		found[t.Name] = true
		if wanted(args, t.Name) {
			a.Matched++
			budget.take(t)
		}
	}
	for _, t := range methodsOf(at) {
		if a.TotalAvailable++; !found[t.Name] && wanted(args, t.Name) {
			a.Matched++
			budget.take(t)
		}
		found[t.Name] = true
	}
	budget.fill(&a)
	for _, name := range args.names {
		if !found[name] {
			a.NotFound = append(a.NotFound, front.Shown(name))
		}
	}
	return a, budget.bytes
}

func wanted(args arguments, name string) bool {
	return (len(args.names) == 0 || slices.Contains(args.names, name)) &&
		(args.pattern == "" || policy.MatchPattern(args.pattern, name))
}
