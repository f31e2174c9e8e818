package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/pflag"

	"gatehouse/internal/locate"
	"gatehouse/internal/logging"
	"gatehouse/internal/policy"
	"gatehouse/internal/terminal"
)

// fileOptions say where the files are. They are shared by all commands that
// read them.
type fileOptions struct {
	mcpConfig string
	rules     string
	envFiles  []string
	here      bool
}

func (o *fileOptions) register(f *pflag.FlagSet) {
	f.StringVar(&o.mcpConfig, "mcp-config", "", "the servers file (default: GATEWAY_MCP_CONFIG, else .mcp.json of an approved working directory, else of the config folder)")
	f.StringVar(&o.rules, "rules", "", "the rules file (default: GATEWAY_RULES, else where the servers file is found: .mcp-gateway-rules.json, or gateway-rules.json)")
	o.registerHere(f)
	f.StringArrayVar(&o.envFiles, "env-file", nil, "a file of KEY=VALUE lines for ${KEY} in the servers file, besides gatehouse.env of the config folder; repeatable (default: GATEWAY_ENV_FILE)")
}

// registerHere adds the flag of all commands that look for files.
func (o *fileOptions) registerHere(f *pflag.FlagSet) {
	f.BoolVar(&o.here, "here", false, "use the files of the working directory without approval, whoever wrote them (see \"gatehouse trust\")")
}

// runOptions are the flags of run.
type runOptions struct {
	fileOptions
	transport       string
	httpAddr        string
	ops             opsOptions
	fleet           fleetOptions
	agents          []string
	surface         string
	debounce        time.Duration
	initStrategy    string
	maxStarts       int
	rulesUnreadable string
	auditLog        string
	auditMode       string
	auditKeep       days
	auditOut        string
	auditOTLP       bool
	logLevel        string
	logFormat       string
	shutdownTimeout time.Duration
	drainOnEOF      time.Duration
	sessionIdle     time.Duration
	linger          time.Duration
	background      bool // it was started by attach
	logFile         string
	allowOrigins    []string
	allowHosts      []string
	publicURL       string
	tlsCert, tlsKey string
	insecure        bool
	debug           bool
	noClientHints   bool
	defaultAgent    string
	contradicts     string // the flags of HTTP beside --transport stdio
	color           *colorOption
	ring            *logging.Ring // what the logger keeps for operators
	sink            *logging.Sink // what it writes to
}

// minShutdown leaves room for stopping: the last two seconds.
const minShutdown = 3 * time.Second

// The values of --rules-unreadable.
const (
	unreadableDeny = "deny"
	unreadableKeep = "keep"
)

// The values of --audit-mode.
const (
	auditNormal = "normal"
	auditStrict = "strict"
)

func (o *runOptions) register(f *pflag.FlagSet) {
	o.fileOptions.register(f)
	f.StringVar(&o.transport, "transport", env("GATEWAY_TRANSPORT", "stdio"), "how agents connect: stdio, http, or attach (through \"gatehouse attach\" only; http serves that too); flags of HTTP such as --http imply http [GATEWAY_TRANSPORT]")
	f.StringVar(&o.httpAddr, "http", env("GATEWAY_HTTP_ADDR", "127.0.0.1:8000"), "serve over HTTP at this address, HOST:PORT, or a port for this machine only [GATEWAY_HTTP_ADDR]")
	o.ops.register(f)
	o.fleet.register(f)
	f.StringSliceVar(&o.agents, "agent", nil, "pin: every caller is one of these agents; the first, unless it says which")
	f.StringVar(&o.surface, "surface", surfaceGate, "what the agent sees over stdio: gate (the gateway's own tools), all (the tools, resources and prompts of all servers), or server:NAME (one server as it is)")
	f.StringVar(&o.rulesUnreadable, "rules-unreadable", unreadableDeny, "when changed rules have been unreadable for 10s: deny every call until they can be read, or keep the previous rules")
	f.DurationVar(&o.debounce, "debounce", 300*time.Millisecond, "how long a changed file must be quiet before it is read")
	f.StringVar(&o.initStrategy, "init-strategy", env("GATEWAY_INIT_STRATEGY", "eager"), "start servers at once (eager) or on their first call (lazy) [GATEWAY_INIT_STRATEGY]")
	f.IntVar(&o.maxStarts, "max-starts", 0, "how many servers may start at the same time; 0 means as many as the machine's load allows")
	f.StringVar(&o.auditLog, "audit-log", env("GATEWAY_AUDIT_LOG", ""), "where to write the audit log (default: audit.jsonl in the state folder) [GATEWAY_AUDIT_LOG]")
	f.StringVar(&o.auditMode, "audit-mode", env("GATEWAY_AUDIT_MODE", auditNormal), "normal, or strict: a call is sent only once a line about it is in the audit log [GATEWAY_AUDIT_MODE]")
	o.auditKeep = days{text: env("GATEWAY_AUDIT_KEEP", "7d")}
	f.StringVar(&o.auditOut, "audit-out", env("GATEWAY_AUDIT_OUT", ""), "where else to send the audit log: syslog, syslog:PATH, syslog+tcp://HOST:PORT, unix:PATH, otlp+https://HOST:PORT, ... [GATEWAY_AUDIT_OUT]")
	f.BoolVar(&o.auditOTLP, "audit-otlp", false, "send the audit log as OpenTelemetry log records to OTEL_EXPORTER_OTLP_LOGS_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT")
	f.Var(&o.auditKeep, "audit-keep", "the least time to keep the audit log, such as 7d or 36h; shorter only if the disk is nearly full [GATEWAY_AUDIT_KEEP]")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&o.logFormat, "log-format", "auto", "text, json, or auto: text on a terminal")
	f.DurationVar(&o.shutdownTimeout, "shutdown-timeout", 10*time.Second, "the time for a clean stop, at least 3s; the last 2s are for stopping servers")
	f.DurationVar(&o.drainOnEOF, "drain-on-eof", 10*time.Second, "with stdio: how long running and waiting calls may go on after the end of the input")
	f.DurationVar(&o.sessionIdle, "session-idle", 30*time.Minute, "how long to keep a client's HTTP session without a request or an open stream")
	f.DurationVar(&o.linger, "linger", 0, "with --transport attach: end once nobody has been attached for this long; 0s means never")
	f.StringVar(&o.logFile, "log-file", "", "write the log to this file instead of stderr; at 10 MiB it is renamed to FILE.1")
	f.BoolVar(&o.background, "background", false, "")
	_ = f.MarkHidden("background") // It is there. attach uses it.
	f.StringSliceVar(&o.allowOrigins, "allow-origin", nil, "a web origin whose pages may use the HTTP front, such as https://app.example.com")
	f.StringSliceVar(&o.allowHosts, "allow-host", nil, "another name by which agents reach the HTTP front, such as gateway.lan or gateway.lan:8000; addresses, localhost and this machine's name always work")
	f.StringVar(&o.publicURL, "public-url", "", "the address under which agents reach the HTTP front, such as https://gw.example.com")
	f.StringVar(&o.tlsCert, "tls-cert", "", "the certificate (PEM, with its chain) of the HTTP front; read again when it changes")
	f.StringVar(&o.tlsKey, "tls-key", "", "the private key (PEM) of the HTTP front")
	f.BoolVar(&o.insecure, "insecure", false, "listen beyond loopback without credentials, or with them but in clear text")
	f.BoolVar(&o.noClientHints, "no-client-hints", false, "leave anthropic/alwaysLoad and anthropic/searchHint, which only some clients understand, out of the tools' _meta")
	debug, _ := envBool("GATEWAY_DEBUG") // check complains.
	f.BoolVar(&o.debug, "debug", debug, "offer the tool get_gateway_status [GATEWAY_DEBUG=true]")
}

// check finds all that is wrong with the flags and with the environment that
// stands in for them.
func (o *runOptions) check() error {
	var errs []error
	errs = append(errs, o.checkTransport())
	if o.initStrategy != "eager" && o.initStrategy != "lazy" {
		errs = append(errs, fmt.Errorf("--init-strategy is %q: use eager or lazy", o.initStrategy))
	}
	if o.maxStarts < 0 {
		errs = append(errs, fmt.Errorf("--max-starts is %d: use 1 or more, or 0 for no limit of your own", o.maxStarts))
	}
	if o.auditMode != auditNormal && o.auditMode != auditStrict {
		errs = append(errs, fmt.Errorf("--audit-mode is %q: use normal or strict", o.auditMode))
	}
	errs = append(errs, o.checkAuditOut())
	if _, err := o.auditKeep.duration(); err != nil {
		errs = append(errs, fmt.Errorf("--audit-keep is %w", err))
	}
	if o.rulesUnreadable != unreadableDeny && o.rulesUnreadable != unreadableKeep {
		errs = append(errs, fmt.Errorf("--rules-unreadable is %q: use deny or keep", o.rulesUnreadable))
	}
	if o.debounce <= 0 || o.debounce > 2*time.Second {
		errs = append(errs, fmt.Errorf("--debounce is %s: use more than 0 and at most 2s", o.debounce))
	}
	if o.shutdownTimeout < minShutdown {
		errs = append(errs, fmt.Errorf("--shutdown-timeout is %s: use at least %s", o.shutdownTimeout, minShutdown))
	}
	if o.drainOnEOF < 0 {
		errs = append(errs, fmt.Errorf("--drain-on-eof is %s: use 0s or more", o.drainOnEOF))
	}
	if o.sessionIdle < time.Second {
		errs = append(errs, fmt.Errorf("--session-idle is %s: use 1s or more", o.sessionIdle))
	}
	errs = append(errs, o.checkSurface())
	errs = append(errs, o.checkHTTP()...)
	errs = append(errs, o.checkFleet()...)
	for _, id := range o.agents {
		if !policy.ValidAgentID(id) {
			errs = append(errs, fmt.Errorf("--agent names %q: an agent id has letters, digits, _ . and - only", id))
		}
	}
	if o.defaultAgent != "" && !policy.ValidAgentID(o.defaultAgent) {
		errs = append(errs, fmt.Errorf("GATEWAY_DEFAULT_AGENT is %q: an agent id has letters, digits, _ . and - only", o.defaultAgent))
	}
	if _, err := envBool("GATEWAY_DEBUG"); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// logger makes the gateway's log: what it writes to w, and keeps for operators.
// The sink must be closed.
func (o *runOptions) logger(w io.Writer) (*slog.Logger, error) {
	format, err := logging.ParseFormat(o.logFormat)
	if err != nil {
		return nil, fmt.Errorf("--log-format: %w", err)
	}
	level, err := logging.ParseLevel(o.logLevel)
	if err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	_, isTerminal := terminal.Of(w)
	o.sink, o.ring = logging.NewSink(w), logging.NewRing()
	return o.ring.Tee(logging.New(o.sink, logging.Options{
		Format: format, Level: level, Terminal: isTerminal, Colors: o.color.colors(isTerminal),
	})), nil
}

// logTo is what the log is written to: a file, if one is named.
func (o *runOptions) logTo(stderr io.Writer) (io.Writer, error) {
	if o.logFile == "" {
		return stderr, nil
	}
	workDir, _ := os.Getwd() // Without one, only relative paths have no meaning.
	path, err := locate.ResolvePath(o.logFile, workDir, homeDir())
	if err != nil {
		return nil, err
	}
	f, err := logging.OpenFile(path) // It is closed with the process: the log is the last to end.
	if err != nil {
		return nil, fmt.Errorf("cannot write the log to %s: %w; name another file with --log-file", path, reasonOf(err))
	}
	return f, nil
}
