package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	configactor "gatehouse/actors/config"
	"gatehouse/actors/journal"
	"gatehouse/internal/admin"
	"gatehouse/internal/childproc"
	"gatehouse/internal/descriptors"
	"gatehouse/internal/logging"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/messages"
)

// operator is the running gateway as operators see it. It reads atomic values
// and cells, so it answers also when actors are busy.
type operator struct {
	app     *app
	ring    *logging.Ring
	memory  *journal.Memory
	view    *configactor.View
	started time.Time
	files   foundFiles
	address string // where agents connect over HTTP
	end     func() // as a signal does

	reloading sync.Mutex // one reload after the other: their reports look alike
	server    *admin.Server
	ops       *opsFront // nil without --ops
}

// openAdmin makes the private socket. Without one the gateway works all the
// same.
func (o *operator) openAdmin() {
	socket, err := admin.Listen(context.Background(), socketFolders(), os.Getpid(), o.app.instance)
	if err != nil {
		o.app.log.Warn("no operator's socket: status, logs, reload and the like will not find this gateway", slog.Any("err", err))
		return
	}
	o.server = admin.Serve(descriptors.Listener(socket), o, admitOperator, o.app.log)
	o.app.log.Info("operator's socket open", slog.String("file", socket.Path()))
}

// admitOperator refuses processes of our own servers: what is behind the
// gateway must not release, reload or look into it.
func admitOperator(pid int) error {
	if childproc.DescendsFrom(pid, os.Getpid()) {
		return errors.New("the servers behind a gateway, and what they start, may not operate it")
	}
	return nil
}

// closeAdmin removes the socket and ends the requests that still run.
func (o *operator) closeAdmin() {
	if o.server != nil {
		o.server.Close()
	}
}

// End implements admin.Gateway: Windows has no signals for processes without a window.
func (o *operator) End() { o.end() }

// Logs implements admin.Gateway.
func (o *operator) Logs() *logging.Ring { return o.ring }

// Call implements admin.Gateway: rules apply, and the audit log has it.
func (o *operator) Call(ctx context.Context, call admin.Call) (json.RawMessage, error) {
	args := map[string]any{"server": call.Server, "tool": call.Tool}
	if call.Agent != "" {
		args["agent_id"] = call.Agent
	}
	if call.Args != nil {
		args["args"] = call.Args
	}
	if call.TimeoutMS > 0 {
		args["timeout_ms"] = call.TimeoutMS
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, &admin.Error{Status: http.StatusBadRequest, Message: err.Error()}
	}
	result, _ := o.app.tools.CallTool(ctx, agents.Caller{Client: operatorClient, Protocol: newestProtocol},
		agents.ToolCall{Name: "execute_tool", Args: raw}, nil)
	return result, nil
}

// operatorClient is the client in the audit log where an operator calls.
const operatorClient = "gatehouse call"

// newestProtocol lets any structuredContent through as it is.
const newestProtocol = "2026-07-28"

// Operate implements admin.Gateway.
func (o *operator) Operate(ctx context.Context, action admin.Action, server string, hold admin.Hold) (admin.Operated, error) {
	done, err := o.operate(ctx, action, server, hold)
	o.app.auditAction(ctx, action, server, hold.Why, err)
	return done, err
}

func (o *operator) operate(ctx context.Context, action admin.Action, server string, hold admin.Hold) (admin.Operated, error) {
	if o.app.fleet != nil {
		return o.app.operateAll(ctx, action, server, hold)
	}
	if hold.From != "" {
		return admin.Operated{}, conflict(errNoFleet)
	}
	if action == admin.Restart {
		o.askKeyring(ctx, server)
	}
	var ask any
	switch action {
	case admin.Restart:
		ask = messages.RestartServer{Name: server}
	case admin.Release:
		ask = messages.ReleaseServer{Name: server}
	case admin.HoldServer:
		ask = messages.HoldServer{Name: server, For: time.Duration(hold.ForMS) * time.Millisecond, Why: hold.Why}
	case admin.MoveServer, admin.ApplyFleet: // Move and Apply do it.
	}
	answer, err := o.ask(ctx, ask)
	if err != nil {
		return admin.Operated{}, err
	}
	r, ok := answer.(messages.OperateReply)
	if !ok || r.Err != "" {
		status := http.StatusConflict
		if r.Unknown {
			status = http.StatusNotFound
		}
		return admin.Operated{}, &admin.Error{Status: status, Message: r.Err}
	}
	return admin.Operated{Server: server, Action: action, Generation: r.Generation, Note: r.Note}, nil
}

// ask puts a question to the config actor. It blocks until the answer is
// there or ctx ends: at shutdown none may come.
func (o *operator) ask(ctx context.Context, question any) (any, error) {
	answers := make(chan any, 1)
	root := o.app.sys.Root
	asker := root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case *actor.Started:
			c.Request(o.app.configPID, question)
		case messages.OperateReply, messages.SettleReply:
			select {
			case answers <- m:
			default:
			}
		}
	}))
	defer root.Stop(asker)
	select {
	case a := <-answers:
		return a, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Reload implements admin.Gateway. The watcher has every file looked at; once
// the report of each is in, and what was accepted is in force, it is done.
func (o *operator) Reload(ctx context.Context) ([]admin.Report, error) {
	reports, err := o.reload(ctx)
	o.app.auditAction(ctx, "reload", "", "", err)
	return reports, err
}

func (o *operator) reload(ctx context.Context) ([]admin.Report, error) {
	o.reloading.Lock()
	defer o.reloading.Unlock()
	heard := newReports(o.watched())
	sub := o.app.sys.EventStream.Subscribe(heard.hear)
	defer o.app.sys.EventStream.Unsubscribe(sub)
	o.app.rescan(messages.TriggerReload)
	select {
	case <-heard.complete:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	// Files that entries refer to come before the others; what they changed
	// may still be on its way.
	if _, err := o.ask(ctx, messages.SettleQuery{}); err != nil {
		return nil, err
	}
	return heard.list(), nil
}

// watched are the files of which a reload always gives a report.
func (o *operator) watched() []string {
	files := o.files.envPaths()
	if !o.files.fleet {
		files = slices.Concat([]string{o.files.servers.Path, o.files.rules.Path}, files)
	}
	files = slices.DeleteFunc(files, func(path string) bool { return path == o.files.ownEnvFile() && !exists(path) })
	if list := o.files.keyring.Path; list != "" && exists(list) {
		files = append(files, list)
	}
	return files
}

// reports collects what a reload answers.
type reports struct {
	mu       sync.Mutex
	missing  map[string]bool
	got      []admin.Report
	complete chan struct{}
}

func newReports(files []string) *reports {
	r := &reports{missing: map[string]bool{}, complete: make(chan struct{})}
	for _, f := range files {
		r.missing[f] = true
	}
	return r
}

func (r *reports) hear(e any) {
	m, ok := e.(messages.ConfigReloaded)
	// A SIGHUP at the same time is as good: the watcher reads each file once.
	if !ok || m.Trigger != messages.TriggerReload && m.Trigger != messages.TriggerSighup {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, report(time.Now(), m))
	if r.missing[m.File] {
		delete(r.missing, m.File)
		if len(r.missing) == 0 {
			close(r.complete)
		}
	}
}

func (r *reports) list() []admin.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}
