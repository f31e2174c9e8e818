package messages

import (
	"log/slog"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
)

// ServerPlan is all that is needed to run one server.
type ServerPlan struct {
	// Generation is the one in which this spec first appeared.
	Generation uint64
	// Serial counts what was accepted in this process, and is that in which this spec
	// first appeared: no other plan of the server has the same. Names of actors carry it.
	// Without a fleet it is the generation.
	Serial uint64
	Entry  serversfile.Entry
	Spec   resolve.Spec
	Cell   *endpoint.Cell
	Redact *redact.Redactor
	// Lazy means that the server starts with its first call.
	Lazy bool
	// Instance is what tells an instance of the entry from others: "[backend]";
	// empty for the entry itself.
	Instance string
	// Unusable is the state of a server that must not be started
	// (misconfigured or disabled); empty for all others.
	Unusable endpoint.State
	// Reason says why it is unusable.
	Reason string
	// Barred is why this gateway cannot start it, though others of the fleet may: it has
	// no more than a stand-in here. Its Spec is empty but for the scope.
	Barred string
}

// LogValue implements slog.LogValuer. It never shows a spec: that may hold
// secrets.
func (p ServerPlan) LogValue() slog.Value {
	return slog.GroupValue(slog.String("server", p.Name()), slog.Uint64("generation", p.Generation))
}

// Name is what the server is called in logs and in status: "files", or
// "files[backend]" for the instance of an agent.
func (p ServerPlan) Name() string { return p.Entry.Name + p.Instance }

// Scoped reports whether nothing runs but instances, each for whoever first needs
// it.
func (p ServerPlan) Scoped() bool {
	return p.Instance == "" && p.Unusable == "" && p.Spec.Scope != ""
}

// For returns the plan of one of the entry's instances. It is begun when somebody
// needs it.
func (p ServerPlan) For(cell *endpoint.Cell) ServerPlan {
	in := cell.Instance()
	p.Cell, p.Redact, p.Instance = cell, in.Redact, in.Label
	p.Spec, p.Lazy = p.Spec.For(in.Agent), false
	if in.Session != "" {
		p.Entry.Settings.IdleStop = p.Entry.Settings.SessionIdle
	}
	return p
}

// ApplyDiff tells the supervisor what one accepted generation changes. A
// changed server is in Drain with its old cell and in Start with its new one.
// Keep has all others: each goes on in its cell, perhaps with new settings.
type ApplyDiff struct {
	Generation uint64
	Start      []ServerPlan
	Keep       []ServerPlan
	Drain      []DrainServer
}

// LogValue implements slog.LogValuer.
func (m ApplyDiff) LogValue() slog.Value {
	return slog.GroupValue(slog.Uint64("generation", m.Generation), slog.Int("start", len(m.Start)),
		slog.Int("keep", len(m.Keep)), slog.Int("drain", len(m.Drain)))
}

// DrainServer stops a server once its calls have ended, at the latest after
// Timeout.
type DrainServer struct {
	Name    string
	Cell    *endpoint.Cell
	Timeout time.Duration
}

// StartServer tells a server actor to begin a run if it has none, or to hurry
// with the one that waits for its turn.
type StartServer struct{}

// SettingsChanged tells a server actor that the settings of its plan have
// changed while its spec has not.
type SettingsChanged struct{}

// WakeServer says that a call waits for a server: one that is idle starts, one
// that waits for its turn to start goes first, and one that is backing off is
// tried earlier where that costs nothing. Cell says which incarnation of the entry the
// caller meant; another one is not woken.
type WakeServer struct {
	Name string
	Cell *endpoint.Cell
}

// LogValue implements slog.LogValuer.
func (m WakeServer) LogValue() slog.Value { return slog.StringValue(m.Name) }

// EndInstance says that nobody needs an instance of a server any more. Its calls may
// end, at the latest after Timeout.
type EndInstance struct {
	Name    string // of the entry
	Cell    *endpoint.Cell
	Timeout time.Duration
}

// LogValue implements slog.LogValuer.
func (m EndInstance) LogValue() slog.Value { return slog.StringValue(m.Name) }

// RefreshTools asks for a fresh list of a ready server. Its catalog is
// published anew in any case, also when nothing has changed or when the
// server did not answer.
type RefreshTools struct {
	Name string
	Cell *endpoint.Cell
	List endpoint.List
}

// LogValue implements slog.LogValuer.
func (m RefreshTools) LogValue() slog.Value { return slog.StringValue(m.Name) }

// LiftBlocks has no caller refused any more whose calls have ended a server.
type LiftBlocks struct {
	Name string
	Cell *endpoint.Cell
}

// LogValue implements slog.LogValuer.
func (m LiftBlocks) LogValue() slog.Value { return slog.StringValue(m.Name) }

// StopServers tells the supervisor to drain every server until Drain has
// passed and then to stop them all in parallel. The sender gets
// ServersStopped when the last one has ended.
type StopServers struct{ Drain time.Duration }

// ServersStopped answers StopServers.
type ServersStopped struct{}
