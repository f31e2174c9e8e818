package messages

import (
	"log/slog"
	"time"
)

// What an operator does to one server. It is the Trigger of the ConfigReloaded
// that reports it, too.
const (
	// TriggerRestart is a RestartServer.
	TriggerRestart = "restart"
	// TriggerRelease is a ReleaseServer.
	TriggerRelease = "release"
	// TriggerHold is a HoldServer.
	TriggerHold = "hold"
	// TriggerHoldOver is the end of the time of a hold.
	TriggerHoldOver = "hold-over"
)

// RoleOperator is the role of a ConfigReloaded without a file: an operator
// changed something about one server.
const RoleOperator FileRole = "operator"

// RestartServer asks the config actor for a new process of a server, by way
// of a new generation: its calls end on the old process, later ones go to the
// new one. The answer is OperateReply.
type RestartServer struct{ Name string }

// LogValue implements slog.LogValuer.
func (m RestartServer) LogValue() slog.Value { return slog.StringValue(m.Name) }

// ReleaseServer ends a hold, or gives a server that has been given up, or is
// backing off, a fresh start with a clean history. The answer is OperateReply.
type ReleaseServer struct{ Name string }

// LogValue implements slog.LogValuer.
func (m ReleaseServer) LogValue() slog.Value { return slog.StringValue(m.Name) }

// HoldServer stops a server, once its running calls have ended, and keeps it
// stopped over reloads until it is released or For has passed; 0 is until it
// is released. The answer is OperateReply.
type HoldServer struct {
	Name string
	For  time.Duration
	// Why is the operator's reason; it may be empty. Agents see it.
	Why string
}

// LogValue implements slog.LogValuer.
func (m HoldServer) LogValue() slog.Value {
	return slog.GroupValue(slog.String("server", m.Name), slog.Duration("for", m.For))
}

// OperateReply answers RestartServer, ReleaseServer and HoldServer once every
// later call is decided by the new generation.
type OperateReply struct {
	// Err says why nothing was done; empty when it was.
	Err string
	// Unknown means that there is no such server; Err lists those that are.
	Unknown bool
	// Generation is the one in force.
	Generation uint64
	// Note says more, such as that there was nothing to do.
	Note string
}

// SettleQuery asks the config actor to answer SettleReply once no generation
// is on its way: all that was changed before is in force and reported.
type SettleQuery struct{}

// SettleReply answers SettleQuery.
type SettleReply struct{ Generation uint64 }
