package serversfile

import (
	"strings"
	"time"

	"gatehouse/internal/jsondoc"
)

// Codes of the problems of an entry's "gateway" object.
const (
	codeUnknownSetting = "unknown-setting"
	codeOutOfRange     = "out-of-range"
	codeBadStart       = "bad-start"
	codeEnvPass        = "bad-env-pass" //nolint:gosec // It is not a password.
	codeRestartMax     = "restart-max-below-initial"
)

// maxMillis is the longest time that can be set: 30 days.
const maxMillis = 30 * 24 * 60 * 60 * 1000

// settings reads the "gateway" object of an entry.
func (r *entryReader) settings(n *jsondoc.Node, path string) {
	s := &r.entry.Settings
	defer r.scopedDefaults(n)
	r.settingKeys(n, path, jsondoc.Keys{
		{Name: "start", Read: r.start},
		{Name: "startup_timeout_ms", Read: r.millis(1, &s.StartupTimeout)},
		{Name: "call_timeout_ms", Read: r.millis(100, &s.CallTimeout)},
		{Name: "drain_timeout_ms", Read: r.millis(0, &s.DrainTimeout)},
		{Name: "restart_wait_ms", Read: r.millis(0, &s.RestartWait)},
		{Name: "idle_stop_ms", Read: r.millis(0, &s.IdleStop)},
		{Name: "max_in_flight", Read: whole(r, 1, 1_000_000, &s.MaxInFlight)},
		{Name: "max_request_bytes", Read: whole(r, 1024, 1<<30, &s.MaxRequestBytes)},
		{Name: "max_result_bytes", Read: whole(r, 1024, 1<<30, &s.MaxResultBytes)},
		{Name: "ping_interval_ms", Read: r.millis(0, &s.PingInterval)},
		{Name: "ping_timeout_ms", Read: r.millis(1, &s.PingTimeout)},
		{Name: "env_pass", Read: r.envPass},
		{Name: "restart", Read: r.restart},
		{Name: "scope", Read: r.scope},
		{Name: "session_idle_ms", Read: r.millis(1, &s.SessionIdle)},
		{Name: "max_instances", Read: whole(r, 1, 10_000, &s.MaxInstances)},
		{Name: "single", Read: r.single},
		{Name: "pass_methods", Read: r.passMethods},
		{Name: "auth", Read: r.auth},
	})
}

// settingKeys reads an object that may have these keys and no others.
func (r *entryReader) settingKeys(n *jsondoc.Node, path string, keys jsondoc.Keys) {
	if !r.wantKind(n, path, jsondoc.KindObject, "an object", "") {
		return
	}
	keys.Read(n, path, func(m jsondoc.Member, path string) {
		r.UnknownKey(m, path, codeUnknownSetting, jsondoc.Error, keys.Names())
	})
}

// whole makes a reader of a whole number between least and most.
func whole[N int | int64](r *entryReader, least, most int64, to *N) func(*jsondoc.Node, string) {
	return func(n *jsondoc.Node, path string) {
		if v, ok := r.number(n, path, least, most); ok {
			*to = N(v)
		}
	}
}

// millis makes a reader of a time in milliseconds.
func (r *entryReader) millis(least int64, to *time.Duration) func(*jsondoc.Node, string) {
	return func(n *jsondoc.Node, path string) {
		if v, ok := r.number(n, path, least, maxMillis); ok {
			*to = time.Duration(v) * time.Millisecond
		}
	}
}

// number reads a whole number between least and most.
func (r *entryReader) number(n *jsondoc.Node, path string, least, most int64) (int64, bool) {
	if !r.wantKind(n, path, jsondoc.KindNumber, "a whole number", "") {
		return 0, false
	}
	v, ok := n.Int()
	if !ok || v < least || v > most {
		r.Add(n.Pos(), jsondoc.Error, path, codeOutOfRange, "", "must be a whole number from %d to %d", least, most)
		return 0, false
	}
	return v, true
}

func (r *entryReader) start(n *jsondoc.Node, path string) {
	if !r.wantKind(n, path, jsondoc.KindString, `"eager" or "lazy"`, "") {
		return
	}
	switch mode := StartMode(n.Text()); mode {
	case Eager, Lazy:
		r.entry.Settings.Start = mode
	default:
		r.Add(n.Pos(), jsondoc.Error, path, codeBadStart, "remove it to leave the choice to --init-strategy",
			`must be "eager" or "lazy"`)
	}
}

func (r *entryReader) single(n *jsondoc.Node, path string) {
	if r.wantKind(n, path, jsondoc.KindBool, "true or false", "") {
		once := n.Bool()
		r.entry.Settings.Single = &once
	}
}

func (r *entryReader) envPass(n *jsondoc.Node, path string) {
	r.entry.Settings.EnvPass = r.texts(n, path)
	for i, pattern := range n.Elements() {
		text := pattern.Text()
		if pattern.Kind == jsondoc.KindString && (text == "" || strings.ContainsAny(text, "?[]=\x00")) {
			r.Add(pattern.Pos(), jsondoc.Error, jsondoc.IndexPath(path, i), codeEnvPass, `for example "AWS_*"`,
				"must be the name of an environment variable; * is the only wildcard")
		}
	}
}

func (r *entryReader) restart(n *jsondoc.Node, path string) {
	s := &r.entry.Settings.Restart
	r.settingKeys(n, path, jsondoc.Keys{
		{Name: "initial_ms", Read: r.millis(1, &s.Initial)},
		{Name: "max_ms", Read: r.millis(1, &s.Max)},
		{Name: "max_failures", Read: whole(r, 0, 1000, &s.MaxFailures)},
		{Name: "window_ms", Read: r.millis(1, &s.Window)},
		{Name: "quarantine_ms", Read: r.millis(1, &s.Quarantine)},
	})
	r.restartOrder(n, path)
}

// restartOrder checks that the delays can grow.
func (r *entryReader) restartOrder(n *jsondoc.Node, path string) {
	s := r.entry.Settings.Restart
	if s.Max >= s.Initial {
		return
	}
	if at := n.Member("max_ms"); at != nil {
		r.Add(at.Pos(), jsondoc.Error, jsondoc.KeyPath(path, "max_ms"), codeRestartMax,
			"raise it, or remove it for the default 30000", "%d is below initial_ms (%d)",
			s.Max.Milliseconds(), s.Initial.Milliseconds())
		return
	}
	r.Add(n.Member("initial_ms").Pos(), jsondoc.Error, jsondoc.KeyPath(path, "initial_ms"), codeRestartMax,
		"lower it, or set max_ms", "%d is above max_ms (%d, the default)",
		s.Initial.Milliseconds(), s.Max.Milliseconds())
}
