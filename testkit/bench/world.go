package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// world starts the targets, each in a folder of its own below dir.
type world struct {
	dir     string
	self    string   // this executable
	binary  string   // the gateway's executable
	against string   // another one to compare it with; empty for none
	extra   []string // of the gateway's environment
	started int
}

// The agents of the rules; the one that calls is in the middle.
const (
	agents       = 500
	callingAgent = "agent-250"
)

// newWorld builds the gateway unless it is given.
func newWorld(ctx context.Context, dir string, o options) (*world, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, self: self, extra: o.env}
	if o.against != "" {
		if w.against, err = filepath.Abs(o.against); err != nil {
			return nil, err
		}
	}
	if o.gateway != "" {
		w.binary, err = filepath.Abs(o.gateway)
		return w, err
	}
	w.binary = filepath.Join(dir, "gatehouse")
	if runtime.GOOS == "windows" {
		w.binary += ".exe"
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", w.binary, "gatehouse/cmd/gatehouse")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot build the gateway: %w\n%s", err, out)
	}
	return w, nil
}

// folder makes a folder for one target.
func (w *world) folder() (string, error) {
	w.started++
	dir := filepath.Join(w.dir, fmt.Sprint(w.started))
	return dir, os.Mkdir(dir, 0o700)
}

// startEcho starts the echo server over HTTP: what a direct call costs.
func (w *world) startEcho(ctx context.Context) (*target, error) {
	return w.startHTTP(ctx, "direct", "echo", "http")
}

// startRelay starts the raw relay before a stdio echo server.
func (w *world) startRelay(ctx context.Context) (*target, error) {
	return w.startHTTP(ctx, "relay", "relay", "http")
}

func (w *world) startHTTP(ctx context.Context, name string, args ...string) (*target, error) {
	dir, err := w.folder()
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, dir, name, nil, append([]string{w.self}, args...)...)
	if err != nil {
		return nil, err
	}
	addr, err := p.firstLine()
	if err != nil {
		p.stop()
		return nil, err
	}
	return &target{name: name, proc: p, addr: addr, shape: direct}, nil
}

// startStdio starts the echo server, or the relay before it, over stdio.
func (w *world) startStdio(ctx context.Context, name string, args ...string) (*target, error) {
	dir, err := w.folder()
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, dir, name, nil, append([]string{w.self}, args...)...)
	if err != nil {
		return nil, err
	}
	return &target{name: name, proc: p, shape: direct}, nil
}

// setup is what differs between the gateways of the figures.
type setup struct {
	servers int           // stdio servers, at least 1
	delay   time.Duration // before they answer at all
	stdio   bool          // the front
	against bool          // the other executable
}

// serverName is the name of one server.
func serverName(i int) string { return fmt.Sprintf("echo-%d", i) }

// startGateway starts a gateway with its files. It does not wait for it: over
// HTTP it may not listen yet.
func (w *world) startGateway(ctx context.Context, s setup) (*target, error) {
	dir, err := w.folder()
	if err != nil {
		return nil, err
	}
	servers, rules := filepath.Join(dir, "mcp.json"), filepath.Join(dir, "rules.json")
	if err := errors.Join(writeJSON(servers, w.servers(s)), writeJSON(rules, ruleSet())); err != nil {
		return nil, err
	}
	name, binary := "gateway", w.binary
	if s.against {
		name, binary = "against", w.against
	}
	args := []string{binary, "run", "--mcp-config", servers, "--rules", rules, "--audit-log", filepath.Join(dir, "audit.jsonl")}
	t := &target{name: name, shape: through(serverName(0))}
	if !s.stdio {
		if t.addr, err = freeAddress(); err != nil {
			return nil, err
		}
		args = append(args, "--transport", "http", "--http", t.addr)
	}
	t.proc, err = start(ctx, dir, name, w.environment(dir), args...)
	return t, err
}

// environment keeps the gateway out of the user's folders.
func (w *world) environment(dir string) []string {
	var env []string
	for _, pair := range os.Environ() {
		key, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(key, "GATEWAY_") && !strings.HasPrefix(key, "GATEHOUSE_") && !strings.HasPrefix(key, "XDG_") {
			env = append(env, pair)
		}
	}
	return append(append(env, "HOME="+dir, "USERPROFILE="+dir), w.extra...)
}

func (w *world) servers(s setup) any {
	type entry struct {
		Command string   `json:"command"`
		Args    []string `json:"args"`
	}
	list := map[string]entry{}
	for i := range max(1, s.servers) {
		list[serverName(i)] = entry{w.self, []string{"echo", "stdio", "--delay", s.delay.String()}}
	}
	return map[string]any{"mcpServers": list}
}

// ruleSet allows every agent a few things and denies it others.
func ruleSet() any {
	type lists struct {
		Servers []string            `json:"servers,omitempty"`
		Tools   map[string][]string `json:"tools"`
	}
	type agent struct {
		Allow lists `json:"allow"`
		Deny  lists `json:"deny"`
	}
	all := map[string]agent{}
	for i := range agents {
		all[fmt.Sprintf("agent-%03d", i)] = agent{
			Allow: lists{[]string{"echo-*"}, map[string][]string{"echo-0": {"echo", "list_*", "get_*"}, "echo-*": {"echo", "read_*"}}},
			Deny:  lists{nil, map[string][]string{"*": {"drop_*", "delete_*"}, "echo-0": {"*_admin", "write_*"}}},
		}
	}
	return map[string]any{"agents": all, "defaults": map[string]any{"deny_on_missing_agent": true}}
}

func writeJSON(path string, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// freeAddress finds a port of loopback that nobody listens on, nor is given who asks for
// none before the target listens there.
func freeAddress() (string, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 30_000+rand.IntN(2_000))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}

// await dials until the target listens.
func (t *target) await() (*httpWire, error) {
	for deadline := time.Now().Add(patience); ; {
		wire, err := dialHTTP(t.addr)
		switch {
		case err == nil:
			return wire, nil
		case time.Now().After(deadline):
			return nil, t.failed(err)
		}
		select {
		case <-t.proc.ended:
			return nil, t.failed(err)
		case <-time.After(pollEvery):
		}
	}
}

// pollEvery is the pause between two attempts to connect: short before what is
// measured, and long enough to leave the gateway the cores.
const pollEvery = 200 * time.Microsecond
