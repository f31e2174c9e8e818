package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"gatehouse/internal/childproc"
	"gatehouse/internal/descriptors"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/eras"
	"gatehouse/internal/login"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/vars"
	"gatehouse/internal/weight"
	"gatehouse/messages"
)

// ParentVariable is set in the environment of every child, so that a gateway
// which is started as a server of another one can tell.
const ParentVariable = "GATEHOUSE_PARENT"

// stopGrace is how long a stopped process gets: its stdin is closed at once,
// half of it later it gets TERM, and at its end KILL.
const stopGrace = time.Second

// maxLine is the size of a line of output at which a server is given up,
// though nothing of it is kept: four times the largest result, at least this.
const maxLine = 256 << 20

// Launcher starts servers and opens sessions with them. It knows every child
// process that is alive.
type Launcher struct {
	version  string
	instance string
	base     []string // the documented base of a child's environment
	eras     *eras.Store
	// Budget is what large answers of servers take their bytes of. It is set
	// before the first Open; nil is none.
	Budget *weight.Budget
	// Logins has what url servers are shown by a login. It is set before the first
	// Open; nil is none.
	Logins *login.Keeper
	// eofGrace is servers.Options.EOFGrace of processes.
	eofGrace time.Duration

	mu    sync.Mutex
	alive map[*childproc.Process]*endpoint.Cell
}

// NewLauncher makes a Launcher. version is told to servers; instance marks
// their processes as this gateway's. What servers speak is kept in known, which
// may be nil.
func NewLauncher(version, instance string, known *eras.Store) *Launcher {
	return &Launcher{
		version: version, instance: instance, eras: known,
		base: vars.BaseEnv(os.Environ(), runtime.GOOS), alive: map[*childproc.Process]*endpoint.Cell{},
	}
}

// Open implements Opener.
func (l *Launcher) Open(ctx context.Context, plan messages.ServerPlan, run uint64, hooks Hooks) (endpoint.Session, error) {
	if plan.Spec.Transport == serversfile.Stdio {
		return l.openProcess(ctx, plan, run, hooks)
	}
	return l.openURL(ctx, plan, hooks)
}

// Environment is the whole environment that a child of this spec gets.
func (l *Launcher) Environment(spec resolve.Spec) []string {
	env := slices.Clone(l.base)
	for _, name := range slices.Sorted(maps.Keys(spec.Env)) {
		env = append(env, name+"="+spec.Env[name])
	}
	return append(env, ParentVariable+"="+l.instance, childproc.InstanceVariable+"="+l.instance)
}

// KillAll kills every process group that is alive, at once.
func (l *Launcher) KillAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.alive {
		p.Kill()
	}
}

// Kill kills the process groups of the server in a cell, at once.
func (l *Launcher) Kill(cell *endpoint.Cell) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, of := range l.alive {
		if of == cell {
			p.Kill()
		}
	}
}

// openProcess starts the process. It starts a second one in place of the first
// if that cannot stand how it was asked: one that may have settled on the older
// era though it speaks the stateless one, or that hangs over the first
// question. If the second runs out of time, nothing is learnt of what it
// speaks.
func (l *Launcher) openProcess(ctx context.Context, plan messages.ServerPlan, run uint64, hooks Hooks) (endpoint.Session, error) {
	session, err := l.startProcess(ctx, plan, run, hooks)
	over, ok := errors.AsType[*servers.StartOver](err)
	if !ok {
		return session, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	hooks.StartedOver(over.Error())
	era := l.era(plan)
	session, err = l.startProcess(ctx, plan, run, hooks)
	if err != nil && ctx.Err() != nil {
		l.noteEra(plan)(era)
	}
	return session, err
}

// era is what the next run should begin with: what the cell has learnt, else
// what an earlier gateway has.
//
// The client of a session is answered in its own revision, if the server speaks that.
func (l *Launcher) era(plan messages.ServerPlan) endpoint.Era {
	if ofOlderClient(plan) {
		return endpoint.EraInitialize
	}
	return cmp.Or(plan.Cell.Era(), l.eras.Era(plan.Cell.Identity().Spec))
}

// ofOlderClient reports whether the server is for one client, of a revision before
// 2026-07-28.
func ofOlderClient(plan messages.ServerPlan) bool {
	client := plan.Cell.Client()
	return client != nil && client.Revision() != "" && client.Revision() < endpoint.StatelessRevision
}

// noteEra keeps what a run finds out, for the next one and for the next gateway.
func (l *Launcher) noteEra(plan messages.ServerPlan) func(endpoint.Era) {
	if ofOlderClient(plan) {
		return func(endpoint.Era) {} // It was not the server's to choose.
	}
	return func(era endpoint.Era) {
		plan.Cell.NoteEra(era)
		l.eras.Note(plan.Cell.Identity().Spec, era, time.Now())
	}
}

// startProcess starts the process and opens a session with it. On an error it
// is gone.
func (l *Launcher) startProcess(ctx context.Context, plan messages.ServerPlan, run uint64, hooks Hooks) (endpoint.Session, error) {
	spec := plan.Spec
	if err := makeOwnFolder(plan); err != nil {
		return nil, err
	}
	proc, err := childproc.Start(childproc.Command{
		Name: spec.Command, Args: spec.Args, Env: l.Environment(spec), Dir: spec.Cwd,
		Mark:     fmt.Sprintf("%s/%s@%d#%d", l.instance, plan.Name(), plan.Serial, run),
		Leased:   hooks.Leased,
		OnStderr: hooks.Stderr, Redact: plan.Redact.String,
	})
	if err != nil {
		phase := endpoint.Handshake
		if _, ok := errors.AsType[*childproc.CannotStart](err); ok {
			phase = endpoint.CannotStart
		}
		scarce := descriptors.Scarce(err) || errors.Is(err, syscall.EAGAIN) // That many processes there may not be.
		return nil, &endpoint.Exit{Phase: phase, Reason: plan.Redact.String(err.Error()), Scarce: scarce}
	}
	l.watch(proc, plan.Cell)
	if hooks.Started != nil {
		hooks.Started(proc.Computing)
	}
	junk := newJunkTail(hooks.Junk)
	wire, err := servers.OpenStdio(ctx, servers.Pipes{Stdin: proc.Stdin(), Stdout: proc.Stdout(), Unread: proc.Unread, Computing: proc.Computing}, servers.Options{
		Version: l.version, PID: proc.PID(), MaxMessageBytes: plan.Entry.Settings.MaxResultBytes,
		MaxLineBytes: max(maxLine, 4*plan.Entry.Settings.MaxResultBytes), OnToolsChanged: hooks.ToolsChanged, OnListChanged: hooks.ListChanged, OnNotice: hooks.Notice, OnJunk: junk.hear, Redact: plan.Redact.String, Budget: l.Budget,
		EOFGrace: l.eofGrace, OnEOF: junk.end, OnEnd: func(cause error) { proc.Stop(stopGrace); junk.await(cause) }, Era: l.era(plan), OnEra: l.noteEra(plan), Client: plan.Cell.Client(), AskTimeout: plan.Entry.Settings.CallTimeout,
	})
	s := &processSession{Session: wire, proc: proc, junk: junk, redact: plan.Redact.String, done: make(chan struct{})}
	if err != nil {
		<-proc.Done()
		if over, ok := errors.AsType[*servers.StartOver](err); ok {
			return nil, over
		}
		return nil, s.exit(endpoint.Handshake, err)
	}
	go s.supervise(wire)
	return s, nil
}

// watch keeps the process in mind until it is gone.
func (l *Launcher) watch(p *childproc.Process, cell *endpoint.Cell) {
	l.mu.Lock()
	l.alive[p] = cell
	l.mu.Unlock()
	go func() { // Ends with the process.
		<-p.Done()
		l.mu.Lock()
		delete(l.alive, p)
		l.mu.Unlock()
	}()
}

// processSession is a session whose server is a process of ours: it is over
// when both the wire and the process are.
type processSession struct {
	endpoint.Session
	proc   *childproc.Process
	junk   *junkTail
	redact func(string) string
	done   chan struct{}
	err    error // set before done is closed
}

// supervise tells the wire why its process is gone, and waits for both. What the
// process has left may take some time to end.
func (s *processSession) supervise(wire *servers.Stdio) {
	select {
	case <-s.proc.Exited():
		wire.AwaitClose()
	case <-s.Session.Done():
	}
	select {
	case <-s.proc.Done():
		s.Close(s.exit(endpoint.Serving, nil))
	case <-s.Session.Done():
	}
	<-s.Session.Done()
	<-s.proc.Done()
	s.err = s.Session.Err()
	exit, ok := errors.AsType[*endpoint.Exit](s.err)
	switch {
	case ok && exit.Stderr == nil: // It was ended for a reason of the gateway's.
		s.err = s.withWords(*exit)
	case !ok && !errors.Is(s.err, endpoint.ErrStopped):
		s.err = s.exit(endpoint.Serving, s.err)
	}
	close(s.done)
}

// exit says why the process ended: by itself, or because the wire could not
// go on with it.
func (s *processSession) exit(phase endpoint.Phase, wire error) *endpoint.Exit {
	reason := s.proc.Exit()
	closed := errors.Is(wire, servers.ErrOutputClosed) || errors.Is(wire, servers.ErrInputClosed)
	if wire != nil && (!closed || s.proc.Stopped()) { // Most that close a pipe are about to end by themselves.
		reason = wire.Error()
	}
	return s.withWords(endpoint.Exit{Phase: phase, Reason: s.redact(reason), At: time.Now()})
}

// Done implements endpoint.Session.
func (s *processSession) Done() <-chan struct{} { return s.done }

// Err implements endpoint.Session.
func (s *processSession) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}
