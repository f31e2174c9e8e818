package front

import (
	"context"
	"time"

	"gatehouse/internal/endpoint"
)

// serverStatus is one server in the answer of get_gateway_status.
type serverStatus struct {
	Name     string `json:"name"`
	State    string `json:"state"`
	SinceMS  int64  `json:"since_ms"`
	Run      uint64 `json:"run"`
	Restarts int    `json:"restarts"`
	InFlight int    `json:"in_flight"`
	Reason   string `json:"reason,omitempty"`
	RetryMS  int64  `json:"retry_after_ms,omitempty"`
	Tools    int    `json:"tools"`
}

// gatewayStatus shows the caller's own view: its name, its servers.
func (f *Front) gatewayStatus(_ context.Context, c *call) (result, *failure) {
	snap := f.cfg.Store.Load()
	agent, fail := f.identify(c, snap)
	if fail != nil {
		return result{}, fail
	}
	now := time.Now()
	servers := []serverStatus{}
	for _, name := range permittedServers(snap, agent) {
		r, _ := snap.Route(name)
		st := r.Cell.Status()
		item := serverStatus{
			Name: name, State: string(st.State), SinceMS: now.Sub(st.Since).Milliseconds(), Run: st.Run,
			Restarts: st.Restarts, InFlight: r.Cell.InFlight(), Tools: len(permittedTools(snap.Policy, agent, name, r.Cell.Catalog())),
		}
		if st.State != endpoint.Ready {
			item.Reason = cut(r.Redact.String(st.Reason))
		}
		if st.RetryAt.After(now) {
			item.RetryMS = st.RetryAt.Sub(now).Milliseconds()
		}
		servers = append(servers, item)
	}
	return own(map[string]any{
		"agent_id": agent, "generation": snap.Generation, "generation_age_ms": now.Sub(snap.Loaded).Milliseconds(),
		"policy_hash": snap.PolicyHash, "uptime_ms": now.Sub(f.started).Milliseconds(), "instance": f.cfg.Instance,
		"servers": servers,
	}), nil
}
