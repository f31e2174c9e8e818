package messages

import (
	"log/slog"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
)

// WantOwner tells the fleet actor that a server is to run somewhere: here, if nobody
// else owns it. A lazy one is claimed once a call has woken it.
type WantOwner struct {
	Key  string // see fleet.KeyOf
	Name string // in logs and status
	Cell *endpoint.Cell
	Lazy bool
	// Barred means that it cannot be started here: it is never claimed.
	Barred bool
}

// LogValue implements slog.LogValuer.
func (m WantOwner) LogValue() slog.Value { return slog.StringValue(m.Name) }

// Unwanted tells the fleet actor that a server is not to run any more: its entry is
// gone, or it has another cell.
type Unwanted struct {
	Key  string
	Cell *endpoint.Cell
}

// Awaited tells the fleet actor that a call waits for a lazy server.
type Awaited struct {
	Key  string
	Cell *endpoint.Cell
}

// OwnedHere tells the supervisor to run a server: it is this node's now. Record is
// what the owner before has left; its zero value is nothing.
type OwnedHere struct {
	Key    string
	Cell   *endpoint.Cell
	Epoch  int64
	Record fleet.Record
	// Died is the node that owned it before, if that died with the server busy: a
	// failure of it. Else it is empty.
	Died string
}

// OwnedThere tells the supervisor that another node runs a server, or what has
// changed about that. A zero Owner means that nobody does at the moment.
type OwnedThere struct {
	Key    string
	Cell   *endpoint.Cell
	Owner  fleet.Owner
	Record fleet.Record
	// Nobody means that no gateway of the fleet can start it, this one included.
	Nobody bool
}

// TenureLost tells the supervisor that nothing is this node's any more: what it runs
// by claims is killed at once. It answers TenureLeft when that has ended.
type TenureLost struct{}

// TenureLeft answers TenureLost.
type TenureLeft struct{}

// OwnDrain as a timeout is the server's own drain timeout.
const OwnDrain time.Duration = -1

// GiveUp tells the supervisor to drain a server that another node shall run. It
// answers Released.
type GiveUp struct {
	Key     string
	Cell    *endpoint.Cell
	Timeout time.Duration
}

// Released tells the fleet actor that nothing of a server runs here any more.
type Released struct {
	Key   string
	Cell  *endpoint.Cell
	Epoch int64
}

// ServerState tells the fleet actor what has become of a server that this node runs.
type ServerState struct {
	Key    string
	Epoch  int64
	Record fleet.Record
}

// LogValue implements slog.LogValuer.
func (m ServerState) LogValue() slog.Value { return slog.StringValue(m.Key) }

// FleetChanged tells the config actor what the fleet has agreed on. It is applied as
// one step, with the fleet's own generation, or not at all. Its sender hears InForce or
// CannotFollow.
type FleetChanged struct {
	Generation uint64
	Content    *fleet.Content
	Holds      map[string]fleet.Hold
	Restarts   map[string]fleet.Restart
}

// LogValue implements slog.LogValuer.
func (m FleetChanged) LogValue() slog.Value { return slog.Uint64Value(m.Generation) }

// CandidateQuery asks the config actor whether it could follow a candidate. It changes
// nothing. The answer is CandidateReply.
type CandidateQuery struct{ Content *fleet.Content }

// LogValue implements slog.LogValuer.
func (m CandidateQuery) LogValue() slog.Value { return slog.Int64Value(m.Content.Candidate) }

// CandidateReply answers CandidateQuery.
type CandidateReply struct {
	Candidate int64
	Problems  []string
	Digests   map[string]string
}

// CannotFollow tells the fleet actor that what the fleet has agreed on is not in force
// here, and why: nothing has changed.
type CannotFollow struct {
	Generation uint64
	Problems   []string
}

// HoldLapsed tells the fleet actor that the time of a hold is over: somebody has to
// release it, unless it has been replaced meanwhile.
type HoldLapsed struct {
	Server string
	Hold   fleet.Hold
}

// IgnoreDeadLetterLogging keeps a late timer out of the log.
func (HoldLapsed) IgnoreDeadLetterLogging() {}

// InForce tells the fleet actor by which generation this node decides now.
type InForce struct{ Generation uint64 }

// MoveServer tells the fleet actor to give up a server, and its instances, if this node
// owns it. Node shall have it next; an empty one leaves that to their order.
type MoveServer struct {
	Server, Node string
	Drain        time.Duration
}

// PeersUnreached tells the fleet actor which other nodes this one cannot reach now, though
// they live: all of them.
type PeersUnreached struct{ Nodes []string }

// LeaveFleet tells the fleet actor to give up what this node owns, server by server,
// and then its lease. It answers FleetLeft.
type LeaveFleet struct{ Drain time.Duration }

// FleetLeft answers LeaveFleet.
type FleetLeft struct{}
