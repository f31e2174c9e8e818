package front

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/policy"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/textcut"
)

// maxInstructions limits a server's instructions in an answer, in characters.
const maxInstructions = 2000

type toolsAnswer struct {
	Server         string            `json:"server"`
	Instructions   string            `json:"instructions,omitempty"`
	State          string            `json:"state,omitempty"` // absent when ready
	Tools          []json.RawMessage `json:"tools"`
	TotalAvailable int               `json:"total_available"`
	Matched        int               `json:"matched"`
	Returned       int               `json:"returned"`
	Omitted        []string          `json:"omitted"`
	NotFound       []string          `json:"not_found"`
	TokensUsed     int               `json:"tokens_used"`
}

// getServerTools answers from memory once the server has listed its tools;
// before that it waits for the server as a call would.
func (f *Front) getServerTools(ctx context.Context, c *call) (result, *failure) {
	budget := newBudget(c)
	for {
		snap := f.cfg.Store.Load()
		agent, fail := f.identify(c, snap)
		if fail != nil {
			return result{}, fail
		}
		if fail := f.permit(c, snap, agent, c.args.server, ""); fail != nil {
			return result{}, fail
		}
		r, fail := f.route(snap, agent, c.args.server)
		if fail != nil {
			return result{}, fail
		}
		budget.set(r.Entry.Settings)
		st, catalog := r.Cell.Status(), r.Cell.Catalog()
		if catalog.Known {
			return own(selectTools(snap, agent, r, catalog, c.args)), nil
		}
		if st.State == endpoint.Ready {
			if fail := f.refresh(ctx, budget, r, st, catalog); fail != nil {
				return result{}, fail
			}
			continue
		}
		if fail := f.wait(ctx, c, budget, r, st); fail != nil {
			return result{}, fail
		}
	}
}

// refresh has the tools of a ready server listed again, as its first list
// could not be read; nil means that it is worth looking again.
func (f *Front) refresh(ctx context.Context, b *budget, r *snapshot.Route, st *endpoint.Status, old *endpoint.Catalog) *failure {
	f.relist(ctx, b, r, old)
	select {
	case <-r.Cell.ClosedC():
		return f.closed(r, st)
	default:
	}
	switch catalog := r.Cell.Catalog(); {
	case ctx.Err() != nil:
		return cancelled(r, false)
	case catalog.Known || r.Cell.Status() != st && time.Now().Before(b.deadline):
		return nil
	default:
		return &failure{Code: codeServerError, Server: r.Entry.Name, Message: fmt.Sprintf("%q does not list its tools: %s. Tell the user.",
			r.Entry.Name, cut(r.Redact.String(cmp.Or(catalog.Err, "it did not answer in time"))))}
	}
}

// selectTools picks the definitions that the agent may use and has asked for,
// as far as its budget goes.
func selectTools(snap *snapshot.Snapshot, agent string, r *snapshot.Route, catalog *endpoint.Catalog, args arguments) toolsAnswer {
	a := toolsAnswer{
		Server: r.Entry.Name, Tools: []json.RawMessage{}, Omitted: []string{}, NotFound: []string{},
		Instructions: textcut.Characters(catalog.Info.Instructions, maxInstructions),
	}
	if st := r.Cell.Status(); st.State != endpoint.Ready {
		a.State = string(st.State)
	}
	found := map[string]bool{}
	full := false
	for _, t := range catalog.Tools {
		if !snap.Policy.Decide(agent, r.Entry.Name, t.Name).Allow {
			continue
		}
		a.TotalAvailable++
		found[t.Name] = true
		if !wanted(args, t.Name) {
			continue
		}
		a.Matched++
		cost := tokens(t.Raw)
		if full = full || args.maxSchemaTokens > 0 && a.Returned > 0 && int64(a.TokensUsed+cost) > args.maxSchemaTokens; full {
			a.Omitted = append(a.Omitted, t.Name)
			continue
		}
		a.Tools = append(a.Tools, t.Raw)
		a.TokensUsed += cost
		a.Returned++
	}
	for _, name := range args.names {
		if !found[name] {
			a.NotFound = append(a.NotFound, shown(name))
		}
	}
	return a
}

func wanted(args arguments, name string) bool {
	return (len(args.names) == 0 || slices.Contains(args.names, name)) &&
		(args.pattern == "" || policy.MatchPattern(args.pattern, name))
}

// tokens is what a definition costs: a quarter of its bytes, rounded up.
func tokens(raw json.RawMessage) int { return (len(raw) + 3) / 4 }
