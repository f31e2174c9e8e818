package gate

import (
	"context"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
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
func (g *Gate) gatewayStatus(ctx context.Context, c *call) (relay.Result, error) {
	a, err := g.router.Identify(ctx, &c.Call.Call)
	if err != nil {
		return relay.Result{}, err
	}
	now := time.Now()
	servers := []serverStatus{}
	for name := range a.Servers() {
		servers = append(servers, statusOf(a, name, now))
	}
	return own(map[string]any{
		"agent_id": a.Agent, "generation": a.Snapshot.Generation, "generation_age_ms": now.Sub(a.Snapshot.Loaded).Milliseconds(),
		"policy_hash": a.Snapshot.PolicyHash, "uptime_ms": now.Sub(g.started).Milliseconds(), "instance": g.router.Instance(),
		"servers": servers,
	}), nil
}

func statusOf(a *front.Attempt, name string, now time.Time) serverStatus {
	r, _ := a.RouteTo(name)
	st := r.Cell.Status()
	item := serverStatus{
		Name: name, State: string(st.State), SinceMS: now.Sub(st.Since).Milliseconds(), Run: st.Run,
		Restarts: st.Restarts, InFlight: r.Cell.InFlight(), Tools: len(a.Permitted(&tools, name, r.Cell.Shown(endpoint.Tools))),
	}
	if st.State != endpoint.Ready {
		item.Reason = front.Brief(r.Redact.String(st.Reason))
	}
	if st.RetryAt.After(now) {
		item.RetryMS = st.RetryAt.Sub(now).Milliseconds()
	}
	return item
}
