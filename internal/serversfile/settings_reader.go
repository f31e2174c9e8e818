package serversfile

import (
	"strings"
	"time"

	"gatehouse/internal/jsondoc"
)

// Codes of the problems of an entry's "gateway" object.
const (
	CodeUnknownSetting = "unknown-setting"
	CodeOutOfRange     = "out-of-range"
	CodeBadStart       = "bad-start"
	CodeBadScope       = "bad-scope"
	CodeReservedScope  = "reserved-scope"
	CodeEnvPass        = "bad-env-pass" //nolint:gosec // It is no password.
	CodeRestartMax     = "restart-max-below-initial"
)

// maxMillis is the longest time that can be set: 30 days.
const maxMillis = 30 * 24 * 60 * 60 * 1000

var (
	settingKeys = []string{
		"start", "startup_timeout_ms", "call_timeout_ms", "drain_timeout_ms", "restart_wait_ms",
		"idle_stop_ms", "max_in_flight", "max_result_bytes", "ping_interval_ms", "ping_timeout_ms", "env_pass",
		"restart", "scope",
	}
	restartKeys = []string{"initial_ms", "max_ms", "max_failures", "window_ms", "quarantine_ms"}
)

func (r *entryReader) settings(n *jsondoc.Node, path string) {
	if !r.wantKind(n, path, jsondoc.KindObject, "an object") {
		return
	}
	for _, m := range n.Members() {
		r.setting(m, jsondoc.KeyPath(path, m.Key))
	}
}

func (r *entryReader) setting(m jsondoc.Member, path string) {
	s := &r.entry.Settings
	switch m.Key {
	case "start":
		r.start(m.Value, path)
	case "startup_timeout_ms":
		r.millis(m.Value, path, 1, &s.StartupTimeout)
	case "call_timeout_ms":
		r.millis(m.Value, path, 100, &s.CallTimeout)
	case "drain_timeout_ms":
		r.millis(m.Value, path, 0, &s.DrainTimeout)
	case "restart_wait_ms":
		r.millis(m.Value, path, 0, &s.RestartWait)
	case "idle_stop_ms":
		r.millis(m.Value, path, 0, &s.IdleStop)
	case "max_in_flight":
		if v, ok := r.whole(m.Value, path, 1, 1_000_000); ok {
			s.MaxInFlight = int(v)
		}
	case "max_result_bytes":
		if v, ok := r.whole(m.Value, path, 1024, 1<<30); ok {
			s.MaxResultBytes = v
		}
	case "ping_interval_ms":
		r.millis(m.Value, path, 0, &s.PingInterval)
	case "ping_timeout_ms":
		r.millis(m.Value, path, 1, &s.PingTimeout)
	case "env_pass":
		s.EnvPass = r.envPass(m.Value, path)
	case "restart":
		r.restart(m.Value, path)
	case "scope":
		r.scope(m.Value, path)
	default:
		r.UnknownKey(m.KeyPos(), path, m.Key, CodeUnknownSetting, jsondoc.Error, settingKeys)
	}
}

// whole reads a whole number between least and most.
func (r *entryReader) whole(n *jsondoc.Node, path string, least, most int64) (int64, bool) {
	if !r.wantKind(n, path, jsondoc.KindNumber, "a whole number") {
		return 0, false
	}
	v, ok := n.Int()
	if !ok || v < least || v > most {
		r.Add(n.Pos(), jsondoc.Error, path, CodeOutOfRange, "", "must be a whole number from %d to %d", least, most)
		return 0, false
	}
	return v, true
}

// millis reads a time in milliseconds.
func (r *entryReader) millis(n *jsondoc.Node, path string, least int64, to *time.Duration) {
	if v, ok := r.whole(n, path, least, maxMillis); ok {
		*to = time.Duration(v) * time.Millisecond
	}
}

func (r *entryReader) start(n *jsondoc.Node, path string) {
	if !r.wantKind(n, path, jsondoc.KindString, `"eager" or "lazy"`) {
		return
	}
	switch mode := StartMode(n.Text()); mode {
	case Eager, Lazy:
		r.entry.Settings.Start = mode
	default:
		r.Add(n.Pos(), jsondoc.Error, path, CodeBadStart, "remove it to leave the choice to --init-strategy",
			`must be "eager" or "lazy"`)
	}
}

func (r *entryReader) scope(n *jsondoc.Node, path string) {
	if !r.wantKind(n, path, jsondoc.KindString, `"shared"`) {
		return
	}
	switch n.Text() {
	case "shared":
	case "agent", "session":
		r.Add(n.Pos(), jsondoc.Error, path, CodeReservedScope, `write "shared" or remove it`,
			"the scope %q is reserved and not yet supported", n.Text())
	default:
		r.Add(n.Pos(), jsondoc.Error, path, CodeBadScope, `write "shared" or remove it`, `must be "shared"`)
	}
}

func (r *entryReader) envPass(n *jsondoc.Node, path string) []string {
	list := r.texts(n, path)
	for i, pattern := range n.Elements() {
		text := pattern.Text()
		if pattern.Kind == jsondoc.KindString && (text == "" || strings.ContainsAny(text, "?[]=\x00")) {
			r.Add(pattern.Pos(), jsondoc.Error, jsondoc.IndexPath(path, i), CodeEnvPass, `for example "AWS_*"`,
				"must be the name of an environment variable; * is the only wildcard")
		}
	}
	return list
}

func (r *entryReader) restart(n *jsondoc.Node, path string) {
	if !r.wantKind(n, path, jsondoc.KindObject, "an object") {
		return
	}
	s := &r.entry.Settings.Restart
	for _, m := range n.Members() {
		at := jsondoc.KeyPath(path, m.Key)
		switch m.Key {
		case "initial_ms":
			r.millis(m.Value, at, 1, &s.Initial)
		case "max_ms":
			r.millis(m.Value, at, 1, &s.Max)
		case "max_failures":
			if v, ok := r.whole(m.Value, at, 0, 1000); ok {
				s.MaxFailures = int(v)
			}
		case "window_ms":
			r.millis(m.Value, at, 1, &s.Window)
		case "quarantine_ms":
			r.millis(m.Value, at, 1, &s.Quarantine)
		default:
			r.UnknownKey(m.KeyPos(), at, m.Key, CodeUnknownSetting, jsondoc.Error, restartKeys)
		}
	}
	r.restartOrder(n, path)
}

// restartOrder checks that the delays can grow.
func (r *entryReader) restartOrder(n *jsondoc.Node, path string) {
	s := r.entry.Settings.Restart
	if s.Max >= s.Initial {
		return
	}
	if at := n.Member("max_ms"); at != nil {
		r.Add(at.Pos(), jsondoc.Error, jsondoc.KeyPath(path, "max_ms"), CodeRestartMax,
			"raise it, or remove it for the default 30000", "%d is below initial_ms (%d)",
			s.Max.Milliseconds(), s.Initial.Milliseconds())
		return
	}
	r.Add(n.Member("initial_ms").Pos(), jsondoc.Error, jsondoc.KeyPath(path, "initial_ms"), CodeRestartMax,
		"lower it, or set max_ms", "%d is above max_ms (%d, the default)",
		s.Initial.Milliseconds(), s.Max.Milliseconds())
}
