package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/attach"
	"gatehouse/internal/childproc"
	"gatehouse/internal/descriptors"
	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/ownsocket"
	"gatehouse/internal/policy"
)

// transportAttach is the transport of a gateway that is reached by attach only.
const transportAttach = "attach"

const (
	// takeover is how long a gateway in the background waits for one that ends.
	takeover = 30 * time.Second
	// pausePatience is how long the relays of clients may take to hear that the
	// gateway ends.
	pausePatience = 500 * time.Millisecond
)

// attachFront is where "gatehouse attach" connects to. A nil one is none.
type attachFront struct {
	place  attach.Place
	files  attach.Files
	life   *attach.Lock
	server *attach.Server
}

// takePlace makes sure that this is the only gateway that attach finds for these
// files. It returns nil if it is not meant to be one, or need not be one.
func takePlace(opts runOptions, found foundFiles, log *slog.Logger) (*attachFront, error) {
	if opts.transport == "stdio" || opts.fleet.name != "" { // Who attaches names files, and a fleet has none.
		return nil, nil //nolint:nilnil // There need not be one.
	}
	f := &attachFront{files: found.attachFiles()}
	var err error
	if f.place, err = attachPlace(f.files); err == nil {
		f.life, err = f.lock(opts.background)
	}
	switch {
	case err == nil:
		attach.Sweep(context.Background(), f.place.Dir)
		attach.SweepLogs(attachLogs(), f.place.Dir)
		return f, nil
	case opts.transport != transportAttach:
		if errors.Is(err, attach.ErrTaken) {
			err = errors.New("another gateway with the same files serves them; end it and start this one again, and they attach to this one")
		}
		log.Warn("clients cannot attach to this gateway", slog.Any("err", err))
		return nil, nil //nolint:nilnil // It serves HTTP all the same.
	default:
		return nil, attachCure(err)
	}
}

func attachCure(err error) error {
	if errors.Is(err, attach.ErrTaken) {
		return fmt.Errorf("a gateway for attach runs with the same files already; \"gatehouse restart --gateway\" replaces it: %w", err)
	}
	return err
}

// lock takes the lock of the one gateway. In the background it waits for one that
// ends.
func (f *attachFront) lock(background bool) (*attach.Lock, error) {
	if !background {
		return f.place.LockLife()
	}
	ctx, cancel := context.WithTimeout(context.Background(), takeover)
	defer cancel()
	return f.place.AwaitLife(ctx, func(ctx context.Context) bool {
		return attach.Present(ctx, f.place)
	})
}

// status is what operators hear of it.
func (f *attachFront) status(opts runOptions) *admin.Attach {
	if f == nil {
		return nil
	}
	return &admin.Attach{
		Socket: f.place.Socket(), Attached: f.server.Attached(), Background: opts.background,
		LingerMS: opts.linger.Milliseconds(), Args: slices.Clone(os.Args[1:]),
	}
}

// release lets the next gateway start. It must come last.
func (f *attachFront) release() {
	if f == nil {
		return
	}
	f.life.Release()
	if ownsocket.IsStandIn(f.place.Dir) {
		_ = os.Remove(f.place.Dir) // Only if it is empty.
	}
}

// openAttach lets clients attach from now on.
func (a *app) openAttach(f *attachFront) error {
	if f == nil {
		return nil
	}
	socket, err := ownsocket.Bind(context.Background(), f.place.Dir, f.place.Name, strconv.Itoa(os.Getpid()))
	if err != nil {
		return err
	}
	f.server = attach.Serve(descriptors.Listener(socket), attach.Options{
		Log: a.log, Admit: admitOperator, Serve: a.serveAttached,
		Greet: func(h attach.Hello) attach.Welcome { return a.greet(f, h) },
	})
	a.attach = f
	a.log.Info("clients may attach", slog.String("file", socket.Path()))
	return nil
}

// serveAttached serves one client's conversation as run serves its only one.
func (a *app) serveAttached(ctx context.Context, h attach.Hello, s attach.Streams) error {
	return a.edge.Serve(ctx, agents.Conversation{
		Surface: a.shownAt(h.Surface), Identity: identity.Own(h.Agents), Drain: max(time.Duration(h.DrainMS)*time.Millisecond, 1), Late: s.Late,
	}, s.In, s.Out)
}

// greet judges who wants to attach.
func (a *app) greet(f *attachFront, h attach.Hello) attach.Welcome {
	w := attach.Welcome{Version: version(), Service: !a.opts.background, Shown: a.shown(h)}
	switch {
	case h.Files.Servers != f.files.Servers || h.Files.Rules != f.files.Rules:
		w.Error = fmt.Sprintf("it runs other files: %s and %s", f.files.Servers, f.files.Rules)
	case checkSurface(h.Surface) != nil:
		w.Error = fmt.Sprintf("it has no surface %q", h.Surface)
	case slices.ContainsFunc(h.Agents, func(id string) bool { return !policy.ValidAgentID(id) }):
		w.Error = "an agent id has letters, digits, _ . and - only"
	case len(h.Agents) > 0 && len(a.opts.agents) > 0 && len(identity.Common(h.Agents, a.opts.agents)) == 0:
		w.Error = "its own --agent allows only " + strings.Join(a.opts.agents, ", ")
	}
	if w.Error == "" {
		w.Notes = a.attachNotes(f, h)
	}
	return w
}

// attachNotes are what the user of a client should know.
func (a *app) attachNotes(f *attachFront, h attach.Hello) (notes []string) {
	for _, id := range h.Agents {
		if !a.store.Load().Policy.HasAgent(id) {
			notes = append(notes, fmt.Sprintf("the agent %q is not in the rules: it may do nothing until it is", id))
		}
	}
	if why := a.missing(h.Surface, h.Agents); why != "" {
		notes = append(notes, "--surface "+h.Surface+" has nothing for the client: "+why)
	}
	if len(h.Files.Env) > 0 && !slices.Equal(h.Files.Env, f.files.Env) {
		notes = append(notes, "--env-file does not hold: the gateway was started with other env files")
	}
	if linger, given := h.Flags["linger"]; given && linger != a.opts.linger.String() {
		notes = append(notes, fmt.Sprintf("--linger %s does not hold: the gateway was started with %s", linger, lingers(a.opts.linger)))
	}
	return notes
}

func lingers(d time.Duration) string {
	if d == 0 {
		return "none, and never ends by itself"
	}
	return d.String()
}

// shown is a hash of the definitions that a client sees. What it sees of a server's
// own may have changed with every start.
func (a *app) shown(h attach.Hello) string {
	if h.Surface != surfaceGate {
		return a.instance
	}
	sum := sha256.New()
	for _, d := range a.tools.DefinitionsFor(agents.Caller{Identity: identity.Own(h.Agents)}) {
		sum.Write(append(slices.Clip(d), 0))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// awaitNobody ends the gateway once nobody has been attached for --linger.
func (a *app) awaitNobody(ctx context.Context, end chan<- ending) {
	if a.attach == nil || a.opts.linger == 0 {
		return
	}
	go func() { // Ends with ctx.
		if a.attach.server.AwaitIdle(ctx, a.opts.linger) {
			end <- ending{reason: "nobody was attached for " + a.opts.linger.String()}
		}
	}()
}

// pause tells the clients' relays that the gateway ends.
func (f *attachFront) pause() {
	if f == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), pausePatience)
	defer cancel()
	f.server.Pause(ctx)
}

// close ends every conversation.
func (f *attachFront) close() {
	if f != nil {
		f.server.Close()
	}
}

// The words by which a gateway in the background says that it is ready, or that
// another one is.
const (
	saysReady = "ready\n"
	saysTaken = "taken\n"
)

// keepReady keeps the gateway's children from having what it says that by.
func (o *runOptions) keepReady() {
	if o.background {
		childproc.KeepExtra()
	}
}

// tellStarter says a word to whoever started this gateway in the background.
func (o *runOptions) tellStarter(word string) {
	if !o.background {
		return
	}
	f := childproc.Extra()
	_, _ = f.WriteString(word) // Whoever started it may be gone.
	_ = f.Close()
}

// becameNeedless reports whether an error means that another gateway serves the
// clients, and tells whoever started this one.
func (o *runOptions) becameNeedless(err error) bool {
	if !o.background || !errors.Is(err, attach.ErrTaken) {
		return false
	}
	o.tellStarter(saysTaken)
	return true
}

// notBelow refuses programs of servers of a gateway.
func notBelow() error {
	if parent := os.Getenv(parentVariable); parent != "" || os.Getenv(childproc.InstanceVariable) != "" {
		return fmt.Errorf("attach was started by a server of a gateway (%s=%s): take it out of that gateway's .mcp.json", parentVariable, parent)
	}
	return nil
}
