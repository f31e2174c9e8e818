package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/childproc"
	"gatehouse/internal/descriptors"
	"gatehouse/internal/entrance"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/systemd"
	"gatehouse/internal/terminal"
	"gatehouse/messages"
)

// stdinDrain is how long servers are drained after the end of stdin: the calls
// have had --drain-on-eof before it.
const stdinDrain = time.Second

func newRunCommand(color *colorOption) *cobra.Command {
	opts := runOptions{color: color}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the gateway (the default)",
		Long: `run starts the gateway: over stdio for one MCP client, over HTTP for many, or for
"gatehouse attach", which a gateway over HTTP serves as well.
It stops on SIGTERM, SIGINT, and with stdio at the end of its input, once the
running calls have ended (see --drain-on-eof); a second signal stops it at once.
SIGHUP reads all files again and reopens the audit log. Calls are traced with
OpenTelemetry if its variables ask for it, such as OTEL_EXPORTER_OTLP_ENDPOINT.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.defaultAgent = env("GATEWAY_DEFAULT_AGENT", "")
			opts.implyHTTP(cmd.Flags())
			opts.fleet.note(cmd.Flags())
			return runGateway(opts, cmd.InOrStdin(), terminal.Raw(cmd.OutOrStdout()), cmd.ErrOrStderr())
		},
	}
	opts.register(cmd.Flags())
	return cmd
}

func runGateway(opts runOptions, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	if err := opts.check(); err != nil {
		return err
	}
	if parent := os.Getenv(parentVariable); parent != "" {
		return fmt.Errorf("this gateway was started as a server of another one (%s=%s): take it out of that gateway's .mcp.json", parentVariable, parent)
	}
	opts.keepReady()
	stopProfile, err := startProfile()
	if err != nil {
		return failed(err)
	}
	defer stopProfile()
	outliveReaders()
	descriptors.Keep(keptBack)
	logTo, err := opts.logTo(terminal.Raw(stderr))
	if err != nil {
		return failed(err)
	}
	log, err := opts.logger(logTo)
	if err != nil {
		return err
	}
	defer func() {
		if !opts.sink.Close(logPatience) {
			err = errNoWords(err) // Whoever does not read would not let the program end.
		}
	}()
	childproc.Protect() // Before a secret is read. Where it is impossible, the user is the border.
	l, err := prepare(opts, log, stderr)
	if opts.becameNeedless(err) {
		return nil
	}
	if err != nil {
		return failed(err)
	}
	defer l.attach.release()
	if l.listener != nil {
		defer l.listener.Close()
	}
	defer l.ops.close()
	defer l.fleet.close()
	return l.serve(stdin, stdout)
}

// keptBack is how many descriptors are kept back for files and the operator.
const keptBack = 16

// logPatience is how long a gateway that ends waits for the reader of its log.
const logPatience = time.Second

// outliveReaders keeps the process alive when the reader of its stdout or
// stderr goes away: the write fails then, and is answered where it was made.
// The signal is caught and not ignored, as servers would inherit that.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// errNoWords is an error without its text.
func errNoWords(err error) error {
	if e, ok := errors.AsType[*exitError](err); ok {
		return &exitError{code: e.code}
	}
	return err
}

// launch is a gateway that has all it needs to be started.
type launch struct {
	opts     runOptions
	log      *slog.Logger
	found    foundFiles
	src      configactor.Sources
	loaded   configactor.Loaded
	listener net.Listener // nil over stdio
	attach   *attachFront // nil if clients cannot attach
	ops      *opsFront    // nil without --ops
	fleet    *fleetSide   // nil without --fleet
}

// prepare reads the files and opens the port. Problems of the files are printed
// on stderr. Nothing has been started when it returns, and without an error the
// caller must close the listener.
func prepare(opts runOptions, log *slog.Logger, stderr io.Writer) (l *launch, err error) {
	found, err := opts.findForRun()
	if err != nil {
		return nil, err
	}
	front, err := takePlace(opts, found, log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			front.release()
		}
	}()
	listener, err := listen(opts)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && listener != nil {
			_ = listener.Close() // It is of no use any more.
		}
	}()
	src := found.sources(opts.initStrategy == "lazy", opts.defaultAgent, listener)
	src.HTTP, src.Exposed = listener != nil, listener != nil && exposed(listener) && !opts.insecure
	opts.fleet.sources(&src)
	loaded, problems := found.load(src)
	if jsondoc.HasErrors(problems) {
		printProblems(stderr, problems)
		return nil, errors.New(`the files have errors, nothing was started; fix them, and check with "gatehouse validate"`)
	}
	l = &launch{opts: opts, log: log, found: found, src: src, loaded: loaded, listener: listener, attach: front}
	if listener != nil {
		if err := safeToListen(opts, listener, loaded.Credentials); err != nil {
			return nil, err
		}
		if l.listener, err = secured(opts, listener, log); err != nil {
			return nil, err
		}
	}
	if l.ops, err = openOps(opts, log); err != nil {
		return nil, err
	}
	if l.fleet, err = openFleet(opts, log); err != nil {
		l.ops.close()
		return nil, err
	}
	warn(log, found, problems)
	warnOpen(log, opts, l.listener, loaded.Credentials)
	warnPinned(log, opts, loaded.Rules)
	return l, nil
}

// listen opens the HTTP front's socket, unless systemd has done that, before anything is started, so that a
// port in use costs nothing.
func listen(opts runOptions) (net.Listener, error) {
	if opts.transport != "http" {
		return nil, nil //nolint:nilnil // Stdio needs no listener.
	}
	l, err := systemd.Listener()
	if err != nil {
		return nil, err
	}
	if l == nil {
		if l, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", opts.httpAddr); err != nil {
			return nil, listenFailed("--http", opts.httpAddr, err)
		}
	}
	entrance.LeaveSilent(l)
	return l, nil
}

// warn logs which files are used, and what is allowed but probably a mistake.
func warn(log *slog.Logger, found foundFiles, problems []jsondoc.Problem) {
	log.Info("using file", slog.String("role", "servers"), slog.String("file", found.servers.Path), slog.String("why", found.servers.Why))
	log.Info("using file", slog.String("role", "rules"), slog.String("file", found.rules.Path), slog.String("why", found.rules.Why))
	found.passedOver.passOver(log)
	for _, env := range found.envFiles {
		if env.Optional && !exists(env.Path) {
			continue
		}
		log.Info("using file", slog.String("role", "env"), slog.String("file", env.Path), slog.String("why", env.Why))
	}
	if f := found.keyring; f.Path != "" && exists(f.Path) {
		log.Info("using file", slog.String("role", string(messages.RoleKeyring)), slog.String("file", f.Path), slog.String("why", f.Why))
	}
	for _, p := range problems {
		level := slog.LevelWarn
		if p.Severity == jsondoc.Info {
			level = slog.LevelInfo
		}
		log.Log(context.Background(), level, "config problem", slog.String("problem", p.String()), slog.String("hint", p.Hint), slog.String("code", p.Code))
	}
}

// serve runs the gateway until something ends it, and stops it in order.
func (l *launch) serve(stdin io.Reader, stdout io.Writer) error {
	instance := newInstance()
	path, err := auditPath(l.opts)
	if err != nil {
		return failed(err)
	}
	auditLog, err := l.opts.openAudit(path, instance, l.fleet.id(), l.log)
	if err != nil {
		return failed(auditCure(err))
	}
	reaper := keepProcesses(instance, l.log)
	defer reaper.Close()
	if l.fleet != nil {
		l.fleet.guard, l.fleet.swept = reaper.Lease, reaper.Swept()
	}
	a := assemble(l, instance, auditLog)
	a.hungUp = watchTerminal()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	wishes := withoutEchoes(signals)
	a.operator.end = func() { wish(signals, syscall.SIGTERM) }
	a.start(l.src, l.loaded)
	a.warnMissing()
	if l.listener != nil {
		a.operator.address = l.opts.scheme() + "://" + l.listener.Addr().String() + mcpPath
	}
	end := make(chan ending, 3) // One of each that can end it.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := a.openAttach(l.attach); err != nil {
		end <- ending{reason: "clients cannot attach", err: err}
	}
	a.operator.openOps(l.ops)
	a.operator.openAdmin()
	l.opts.tellStarter(saysReady)
	a.awaitNobody(ctx, end)
	stopPeers := a.servePeers(end)
	closeHTTP, restore := a.serveAgents(ctx, l.listener, stdin, stdout, end)
	defer restore()
	manager := l.tellManager(ctx, a.operator.address)
	e := a.await(wishes, end)
	l.warnOf(manager.Stopping(ctx))
	finished := make(chan error, 1)
	go func() {
		a.leave(e)
		err := a.shutdown(e.reason, e.drain, closeHTTP)
		stopPeers()
		finished <- err
	}()
	select {
	case err := <-finished:
		if err = errors.Join(e.err, err); err != nil {
			return failed(err)
		}
		return nil
	case <-urgent(wishes, e.signalled):
		a.launcher.KillAll()
		return failed(errors.New("stopped at once by a second signal"))
	}
}

// tellManager tells systemd, if it has started the gateway, that it is ready, and
// until ctx ends that it lives.
func (l *launch) tellManager(ctx context.Context, address string) systemd.Manager {
	m := systemd.FromEnvironment()
	l.warnOf(m.Ready(ctx, "serving "+cmp.Or(address, l.opts.transport)))
	go m.KeepAlive(ctx) // Ends with ctx.
	return m
}

func (l *launch) warnOf(err error) {
	if err != nil {
		l.log.Warn("systemd is not told", slog.Any("err", err))
	}
}

// serveAgents serves over HTTP if there is a listener; else, unless clients attach,
// one conversation over stdio, whose end is the gateway's. closeHTTP is nil over stdio; restore
// must be called once nobody reads stdin any more.
func (a *app) serveAgents(ctx context.Context, l net.Listener, stdin io.Reader, stdout io.Writer, end chan<- ending) (closeHTTP func(context.Context) error, restore func()) {
	if l != nil {
		closeHTTP, broken := a.serveHTTP(l)
		go func() { // Ends with the process: a listener breaks at most once.
			end <- ending{reason: "the listener failed", err: <-broken}
		}()
		return closeHTTP, func() {}
	}
	if a.opts.transport == transportAttach {
		return nil, func() {}
	}
	stdin, restore = pollable(stdin, stdout, os.Stderr)
	stdin = &endNoted{Reader: stdin, note: func() {
		if !a.inputEnded.Swap(true) {
			a.log.Info("end of input", slog.Duration("calls_may_take", a.opts.drainOnEOF))
		}
	}}
	go func() { // Ends with stdin or with ctx.
		err := a.edge.Serve(ctx, agents.Conversation{Surface: a.shownAt(a.opts.surface)}, stdin, stdout)
		if errors.Is(err, agents.ErrAbandoned) {
			err = nil // The log has it: servers that do not answer are no failure of the gateway.
		}
		end <- ending{reason: "end of stdin", drain: stdinDrain, err: err}
	}()
	return nil, restore
}

// endNoted is a reader that says when it has come to its end.
type endNoted struct {
	io.Reader

	note func()
}

func (r *endNoted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		r.note()
	}
	return n, err //nolint:wrapcheck // A reader returns the error as it is.
}

// ending is why the gateway stops, and how long running calls may go on.
type ending struct {
	reason    string
	drain     time.Duration
	signalled bool // a signal asked for it
	err       error
}

// await blocks until something ends the gateway. SIGHUP does not, unless the
// gateway's terminal was closed.
func (a *app) await(signals <-chan os.Signal, end <-chan ending) ending {
	for {
		select {
		case e := <-end:
			return e
		case s := <-signals:
			if s == syscall.SIGHUP && !a.hungUp() {
				a.audit.Reopen()
				a.rescan("sighup")
				continue
			}
			drain := a.opts.shutdownTimeout - stopReserve
			if a.inputEnded.Load() { // The client has gone, and its next signal is a kill.
				drain = stdinDrain
			}
			return ending{reason: stopReason(s), drain: drain, signalled: true}
		}
	}
}

func stopReason(s os.Signal) string {
	if s == syscall.SIGHUP {
		return "its terminal was closed"
	}
	return s.String()
}

// urgent is closed at the second signal that asks for an end. signalled says
// that there was one already: a client that closes our input and then sends
// TERM is not in a hurry yet.
func urgent(signals <-chan os.Signal, signalled bool) <-chan struct{} {
	second := make(chan struct{})
	go func() { // Ends with the process.
		for s := range signals {
			if s == syscall.SIGHUP {
				continue
			}
			if signalled {
				close(second)
				return
			}
			signalled = true
		}
	}()
	return second
}

func newInstance() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // Never fails.
	return hex.EncodeToString(b[:])
}
