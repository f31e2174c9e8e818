package messages

import (
	"log/slog"
)

// GatewayListening: the HTTP front accepts connections.
type GatewayListening struct{ Addr, URL string }

// GatewayReady: the first generation is in force and agents are served.
type GatewayReady struct {
	Generation uint64
	Servers    int
	Transport  string
}

// GatewayStopping: shutdown has begun.
type GatewayStopping struct{ Reason string }

// GatewayStopped: everything has ended.
type GatewayStopped struct{}

// Text, Level and Attrs implement Event.
func (GatewayListening) Text() string      { return "gateway listening" }
func (GatewayListening) Level() slog.Level { return slog.LevelInfo }
func (e GatewayListening) Attrs() []slog.Attr {
	return []slog.Attr{slog.String("addr", e.Addr), slog.String("url", e.URL)}
}

func (GatewayReady) Text() string      { return "gateway ready" }
func (GatewayReady) Level() slog.Level { return slog.LevelInfo }
func (e GatewayReady) Attrs() []slog.Attr {
	return []slog.Attr{generation(e.Generation), slog.Int("servers", e.Servers), slog.String("transport", e.Transport)}
}

func (GatewayStopping) Text() string         { return "gateway stopping" }
func (GatewayStopping) Level() slog.Level    { return slog.LevelInfo }
func (e GatewayStopping) Attrs() []slog.Attr { return []slog.Attr{reason(e.Reason)} }

func (GatewayStopped) Text() string       { return "gateway stopped" }
func (GatewayStopped) Level() slog.Level  { return slog.LevelInfo }
func (GatewayStopped) Attrs() []slog.Attr { return nil }
