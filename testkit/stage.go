package testkit

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/redact"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
)

// Stage is what a router stands on, without actors: a real snapshot store with
// real rules and cells, and fake sessions behind them.
type Stage struct {
	// Wake and Refresh play the supervisor; they may be nil. Set them before a
	// call asks.
	Wake, Refresh func(name string, cell *endpoint.Cell)

	t     testing.TB
	store snapshot.Store

	mu         sync.Mutex
	generation uint64
	records    []audit.Record
	asked      []string
}

// NewStage makes a stage whose generation 1 has these rules and servers.
func NewStage(t testing.TB, rules string, servers ...*Backend) *Stage {
	t.Helper()
	s := &Stage{t: t}
	s.Next(rules, servers...)
	return s
}

// Router makes a router on the stage, named gw, with the rest as cfg has it. It
// numbers calls from 1 on unless cfg says how.
func (s *Stage) Router(cfg front.Config) *front.Router {
	cfg.Store, cfg.Instance = &s.store, "gw"
	if cfg.Number == nil {
		var calls atomic.Uint64
		cfg.Number = func() uint64 { return calls.Add(1) }
	}
	cfg.Wake = func(name string, cell *endpoint.Cell) { s.ask("wake "+name, s.Wake, name, cell) }
	cfg.Refresh = func(name string, cell *endpoint.Cell, list endpoint.List) {
		what := "refresh " + name
		if list != endpoint.Tools {
			what += " " + list.Capability()
		}
		s.ask(what, s.Refresh, name, cell)
	}
	cfg.Audit = func(r audit.Record) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.records = append(s.records, r)
	}
	return front.New(cfg)
}

func (s *Stage) ask(what string, play func(string, *endpoint.Cell), name string, cell *endpoint.Cell) {
	s.mu.Lock()
	s.asked = append(s.asked, what)
	s.mu.Unlock()
	if play != nil {
		play(name, cell)
	}
}

// Heard is what the supervisor was asked so far: "wake db", "refresh db".
func (s *Stage) Heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// Next replaces the snapshot by one more generation and returns its number.
func (s *Stage) Next(rules string, servers ...*Backend) uint64 {
	s.t.Helper()
	parsed, problems := rulesfile.ParseRules("rules.json", []byte(rules))
	if jsondoc.HasErrors(problems) {
		s.t.Fatalf("%v", problems)
	}
	routes := make([]*snapshot.Route, 0, len(servers))
	for _, b := range servers {
		routes = append(routes, &b.Route)
	}
	s.mu.Lock()
	s.generation++
	generation := s.generation
	s.mu.Unlock()
	s.store.Replace(snapshot.New(generation, time.Now(), policy.Compile(parsed), parsed.Hash, routes))
	return generation
}

// Snapshot is the current one.
func (s *Stage) Snapshot() *snapshot.Snapshot { return s.store.Load() }

// Change puts a changed copy of the current snapshot in its place, without a
// new generation.
func (s *Stage) Change(change func(*snapshot.Snapshot)) {
	next := *s.store.Load()
	change(&next)
	s.store.Replace(&next)
}

// Records are the audit records so far.
func (s *Stage) Records() []audit.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]audit.Record(nil), s.records...)
}

// Record is the audit record of the only call so far.
func (s *Stage) Record() audit.Record {
	s.t.Helper()
	records := s.Records()
	if len(records) != 1 {
		s.t.Fatalf("got %d audit records, want 1", len(records))
	}
	return records[0]
}

// Forget drops the audit records, for benchmarks.
func (s *Stage) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = s.records[:0]
}

// Backend is one server of a Stage. Its secret is "s3cr3t-value".
type Backend struct{ snapshot.Route }

// NewBackend makes a server that is in that state. What it lists is not known.
func NewBackend(name string, st endpoint.Status) *Backend {
	return &Backend{snapshot.Route{
		Entry:  serversfile.Entry{Name: name, Transport: serversfile.Stdio, Command: "cmd-" + name, Settings: serversfile.DefaultSettings()},
		Cell:   endpoint.NewCell(name, endpoint.Identity{Spec: name}, st),
		Redact: redact.New([]redact.Secret{{Name: "TOKEN", Value: "s3cr3t-value"}}),
	}}
}

// ReadyBackend makes a server that is ready and answers so.
func ReadyBackend(name string, answer Answer) *Backend {
	return NewBackend(name, Ready(1, NewSession(1, answer)))
}

// Ready is the status of a server with that session.
func Ready(run uint64, session endpoint.Session) endpoint.Status {
	return endpoint.Status{State: endpoint.Ready, Run: run, Session: session, PID: session.PID(), Since: time.Now()}
}

// Has makes the server's tools known; each is a name or a whole definition.
func (b *Backend) Has(tools ...string) *Backend { return b.HasFrom(time.Now(), tools...) }

// HasFrom is Has for a list that was read at some time.
func (b *Backend) HasFrom(at time.Time, tools ...string) *Backend {
	catalog := endpoint.Catalog{Known: true, At: at}
	for _, text := range tools {
		tool := endpoint.Tool{Name: text, Raw: json.RawMessage(fmt.Sprintf(`{"name":%q}`, text))}
		if text[0] == '{' {
			var named struct{ Name string }
			if err := json.Unmarshal([]byte(text), &named); err != nil {
				panic(err)
			}
			tool = endpoint.Tool{Name: named.Name, Raw: json.RawMessage(text)}
		}
		catalog.Tools = append(catalog.Tools, tool)
	}
	b.Cell.PublishCatalog(catalog)
	return b
}

// With changes the entry.
func (b *Backend) With(change func(e *serversfile.Entry)) *Backend {
	change(&b.Entry)
	return b
}

// Again is the same server in a later generation with a cell of its own.
func (b *Backend) Again(st endpoint.Status) *Backend {
	next := *b
	next.Cell = endpoint.NewCell(b.Entry.Name, endpoint.Identity{Spec: b.Entry.Name + "'"}, st)
	return &next
}
