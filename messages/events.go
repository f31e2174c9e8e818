package messages

import (
	"log/slog"
	"time"

	"gatehouse/internal/endpoint"
)

// Event is something that happened, published on the actor system's event
// stream. Attrs holds no secrets, no tool arguments and no results.
type Event interface {
	// Text is the constant log message.
	Text() string
	Level() slog.Level
	Attrs() []slog.Attr
}

// ServerStarting: a run begins.
type ServerStarting struct {
	Server     string
	Generation uint64
	Run        uint64
}

// ServerStartedOver: a run that is starting has given up its process for a new
// one, without having failed.
type ServerStartedOver struct {
	Server string
	Run    uint64
	Reason string
}

// ServerSessionRenewed: a url server no longer knew the session of a run, and a
// new one has taken its place. Calls under way were not touched.
type ServerSessionRenewed struct {
	Server string
	Run    uint64
	Reason string
}

// ServerReady: a run has opened its session; calls go through.
type ServerReady struct {
	Server  string
	Run     uint64
	PID     int
	Tools   int
	Elapsed time.Duration
}

// ServerCrashed: a run ended by itself. Exit.Calls are the calls that it was
// running. Stopped is set if its actor was already stopped, so that no verdict of the
// supervisor follows.
type ServerCrashed struct {
	Exit    *endpoint.Exit
	Stopped bool
}

// ServerSuspected: a tool ran at two or more crashes of its server, which it
// had not done before.
type ServerSuspected struct {
	Server string
	Run    uint64
	Tool   string
}

// CallerBlocked: calls of a caller have ended a server so often that they are
// refused For that time.
type CallerBlocked struct {
	Server string
	Run    uint64
	Block  endpoint.Block
	For    time.Duration
}

// BlocksLifted: the operator has ended the blocks of a server.
type BlocksLifted struct {
	Server string
	Blocks int
}

// ServerSleeping: a server that nobody has called for idle_stop_ms is being
// stopped; the next call starts it again.
type ServerSleeping struct {
	Server string
	Run    uint64
	After  time.Duration
}

// ServerBackingOff: the supervisor will start a new run after Delay.
type ServerBackingOff struct {
	Server  string
	Run     uint64
	Attempt int
	Delay   time.Duration
	Reason  string
}

// ServerQuarantined: the supervisor has given up for now; Delay is the time to
// the next probe.
type ServerQuarantined struct {
	Server string
	Run    uint64
	Delay  time.Duration
	Reason string
	Stderr []string
}

// ServerNeedsAuth: a url server refuses the gateway's credentials; Again, as it
// has done before and for the same reason.
type ServerNeedsAuth struct {
	Server string
	Run    uint64
	Reason string
	Again  bool
}

// ServerUnusable: an entry can't be started (misconfigured or disabled).
type ServerUnusable struct {
	Server string
	State  endpoint.State
	Reason string
}

// ServerDraining: a removed or changed server takes no more calls.
type ServerDraining struct {
	Server     string
	Generation uint64
	Serial     uint64 // of its plan
	InFlight   int
}

// ServerStopped: a server's actor has ended.
type ServerStopped struct {
	Server     string
	Generation uint64
	Serial     uint64 // of its plan
	Reason     string
}

// ServerSaid: a line of a server's stderr, redacted.
type ServerSaid struct {
	Server string
	Run    uint64
	Line   string
}

// ServerLinesDropped: stderr lines that came too fast to be logged.
type ServerLinesDropped struct {
	Server string
	Run    uint64
	Lines  int
}

// ServerJunk: a line on stdout that is not JSON-RPC.
type ServerJunk struct {
	Server string
	Run    uint64
	Line   string
}

// ToolsChanged: definitions of a server's tools are others than those it had the last
// time. The lists of names hold the first few.
type ToolsChanged struct {
	Server                string
	New, Changed, Removed []string
	Count                 int    // of all of them
	Words                 string // how the first changed one differs, redacted and fit to be shown
	// Access says of the first few changed ones who may use them now or no longer, as
	// the rules ask for what the server says of its tools.
	Access []string
}

// ToolsListed: a server's list of tools was read again.
type ToolsListed struct {
	Server string
	Run    uint64
	Tools  int
	Err    string
}

// KeptListsFailed: lists of tools that an earlier gateway has kept cannot be used, or
// those of this one cannot be kept.
type KeptListsFailed struct{ Reason string }

// Text, Level and Attrs implement Event.
func (ServerStarting) Text() string      { return "server starting" }
func (ServerStarting) Level() slog.Level { return slog.LevelInfo }
func (e ServerStarting) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), generation(e.Generation), run(e.Run)}
}

func (ServerStartedOver) Text() string      { return "server started over" }
func (ServerStartedOver) Level() slog.Level { return slog.LevelInfo }
func (e ServerStartedOver) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), run(e.Run), reason(e.Reason)}
}

func (ServerSessionRenewed) Text() string      { return "server session renewed" }
func (ServerSessionRenewed) Level() slog.Level { return slog.LevelInfo }
func (e ServerSessionRenewed) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), run(e.Run), reason(e.Reason)}
}

func (ServerReady) Text() string      { return "server ready" }
func (ServerReady) Level() slog.Level { return slog.LevelInfo }
func (e ServerReady) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), run(e.Run), slog.Int("pid", e.PID), slog.Int("tools", e.Tools), slog.Duration("elapsed", e.Elapsed)}
}

func (ServerCrashed) Text() string      { return "server crashed" }
func (ServerCrashed) Level() slog.Level { return slog.LevelWarn }
func (e ServerCrashed) Attrs() []slog.Attr {
	attrs := []slog.Attr{server(e.Exit.Server), run(e.Exit.Run), slog.String("phase", string(e.Exit.Phase)), reason(e.Exit.Reason)}
	attrs = appendNames(attrs, "stderr", e.Exit.Stderr)
	attrs = append(attrs, slog.Int("in_flight", e.Exit.Calls.Len()))
	if len(e.Exit.Calls.First) > 0 {
		attrs = append(attrs, slog.Any("calls", e.Exit.Calls.First))
	}
	return attrs
}

func (ServerSuspected) Text() string      { return "suspect tool" }
func (ServerSuspected) Level() slog.Level { return slog.LevelWarn }
func (e ServerSuspected) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), run(e.Run), slog.String("tool", e.Tool)}
}

func (CallerBlocked) Text() string      { return "caller blocked" }
func (CallerBlocked) Level() slog.Level { return slog.LevelWarn }
func (e CallerBlocked) Attrs() []slog.Attr {
	attrs := []slog.Attr{server(e.Server), run(e.Run)}
	for _, a := range []slog.Attr{slog.String("agent", e.Block.Agent), slog.String("origin", e.Block.Origin), slog.String("tool", e.Block.Tool)} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return append(attrs, slog.Int("crashes", e.Block.Crashes), slog.Duration("for", e.For), reason(e.Block.Reason))
}

func (BlocksLifted) Text() string      { return "blocks lifted" }
func (BlocksLifted) Level() slog.Level { return slog.LevelInfo }
func (e BlocksLifted) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), slog.Int("blocks", e.Blocks)}
}

func (ServerSleeping) Text() string      { return "server sleeping" }
func (ServerSleeping) Level() slog.Level { return slog.LevelInfo }
func (e ServerSleeping) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), run(e.Run), slog.Duration("after", e.After)}
}

func (ServerBackingOff) Text() string      { return "server backing off" }
func (ServerBackingOff) Level() slog.Level { return slog.LevelDebug } // The line of the crash has it.
func (e ServerBackingOff) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), run(e.Run), slog.Int("attempt", e.Attempt), delay(e.Delay), reason(e.Reason)}
}

func (ServerQuarantined) Text() string      { return "server quarantined" }
func (ServerQuarantined) Level() slog.Level { return slog.LevelError }
func (e ServerQuarantined) Attrs() []slog.Attr {
	return appendNames([]slog.Attr{server(e.Server), run(e.Run), delay(e.Delay), reason(e.Reason)}, "stderr", e.Stderr)
}

func (ServerNeedsAuth) Text() string { return "server needs auth" }
func (e ServerNeedsAuth) Level() slog.Level {
	if e.Again {
		return slog.LevelDebug
	}
	return slog.LevelError
}

func (e ServerNeedsAuth) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), run(e.Run), reason(e.Reason)}
}

func (e ServerUnusable) Text() string { return "server " + string(e.State) }
func (e ServerUnusable) Level() slog.Level {
	if e.State == endpoint.Disabled || e.State == endpoint.Held {
		return slog.LevelInfo
	}
	return slog.LevelError
}

func (e ServerUnusable) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), reason(e.Reason)}
}

func (ServerDraining) Text() string      { return "server draining" }
func (ServerDraining) Level() slog.Level { return slog.LevelInfo }
func (e ServerDraining) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), generation(e.Generation), slog.Int("in_flight", e.InFlight)}
}

func (ServerStopped) Text() string      { return "server stopped" }
func (ServerStopped) Level() slog.Level { return slog.LevelInfo }
func (e ServerStopped) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), generation(e.Generation), reason(e.Reason)}
}

func (ServerSaid) Text() string      { return "server stderr" }
func (ServerSaid) Level() slog.Level { return slog.LevelInfo }
func (e ServerSaid) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), run(e.Run), slog.String("line", e.Line)}
}

func (ServerLinesDropped) Text() string      { return "server stderr lines dropped" }
func (ServerLinesDropped) Level() slog.Level { return slog.LevelWarn }
func (e ServerLinesDropped) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), run(e.Run), slog.Int("lines", e.Lines)}
}

func (ServerJunk) Text() string      { return "server wrote junk to stdout" }
func (ServerJunk) Level() slog.Level { return slog.LevelWarn }
func (e ServerJunk) Attrs() []slog.Attr {
	return []slog.Attr{server(e.Server), run(e.Run), slog.String("line", e.Line)}
}

func (ToolsChanged) Text() string      { return "tool definitions changed" }
func (ToolsChanged) Level() slog.Level { return slog.LevelWarn }
func (e ToolsChanged) Attrs() []slog.Attr {
	attrs := []slog.Attr{server(e.Server), slog.Int("count", e.Count)}
	attrs = appendNames(attrs, "changed", e.Changed)
	attrs = appendNames(attrs, "new", e.New)
	attrs = appendNames(attrs, "removed", e.Removed)
	if e.Words != "" {
		attrs = append(attrs, slog.String("words", e.Words))
	}
	return appendNames(attrs, "access", e.Access)
}

func (ToolsListed) Text() string { return "tools listed" }
func (e ToolsListed) Level() slog.Level {
	if e.Err != "" {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

func (e ToolsListed) Attrs() []slog.Attr {
	attrs := []slog.Attr{server(e.Server), run(e.Run), slog.Int("tools", e.Tools)}
	if e.Err != "" {
		attrs = append(attrs, slog.String("err", e.Err))
	}
	return attrs
}

func (KeptListsFailed) Text() string         { return "kept lists of tools failed" }
func (KeptListsFailed) Level() slog.Level    { return slog.LevelWarn }
func (e KeptListsFailed) Attrs() []slog.Attr { return []slog.Attr{reason(e.Reason)} }

func server(name string) slog.Attr  { return slog.String("server", name) }
func generation(n uint64) slog.Attr { return slog.Uint64("generation", n) }
func run(n uint64) slog.Attr        { return slog.Uint64("run", n) }
func reason(text string) slog.Attr  { return slog.String("reason", text) }

// delay shows a time to wait as exactly as people need it.
func delay(d time.Duration) slog.Attr { return slog.Duration("delay", d.Round(time.Millisecond)) }
