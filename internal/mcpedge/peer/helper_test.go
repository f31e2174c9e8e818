package peer_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/internal/weight"
	"gatehouse/testkit"
	fleetkit "gatehouse/testkit/fleet"
)

const (
	theKey   = "notes"
	theEpoch = 7
	theForm  = "form-1"
)

// owner is a gateway that runs a server, and the way to it.
type owner struct {
	cell       *endpoint.Cell
	session    *testkit.Session
	key        string
	places     int
	budget     *weight.Budget
	answerTime time.Duration
	epoch      atomic.Int64
	generation atomic.Uint64
	lapsed     atomic.Bool  // it has no tenure
	looks      atomic.Int32 // how often it was asked for its tenure
	gone       atomic.Bool  // it does not own the server
	redact     func(string) string
	decide     func(peer.Asked) *endpoint.Denied // nil denies nothing
	logs       func(peer.LogQuery) []json.RawMessage
	moves      chan peer.Move
	woken      chan string
	stays      error // why it moves and wakes nothing

	proxy  *fleetkit.Proxy
	client *peer.Client
	mine   atomic.Uint64 // the generation of the gateway that calls
}

// newOwner starts an owner whose server answers so. Changes of its fields take effect
// before the first call only.
func newOwner(t *testing.T, answer testkit.Answer, change ...func(*owner)) *owner {
	t.Helper()
	o := &owner{key: theKey, places: 8, moves: make(chan peer.Move, 8), woken: make(chan string, 8), session: testkit.NewSession(1, answer)}
	o.session.WithInfo(endpoint.ServerInfo{Name: "fake", ProtocolVersion: endpoint.StatelessRevision, Tools: true, Capabilities: `{"tools":{}}`})
	o.epoch.Store(theEpoch)
	o.generation.Store(5)
	o.mine.Store(5)
	o.cell = endpoint.NewCell("notes", endpoint.Identity{Spec: "x"}, endpoint.Status{State: endpoint.Starting})
	testkit.Publish(o.cell, endpoint.Status{State: endpoint.Ready, Run: 1, Session: peer.Fenced(o.session, func() bool { return !o.lapsed.Load() })})
	for _, c := range change {
		c(o)
	}
	o.proxy = fleetkit.StartProxy(t, o.serve(t))
	o.client = peer.NewClient(peer.ClientConfig{Generation: o.mine.Load, AskedFor: testkit.Patience})
	t.Cleanup(func() {
		o.client.Close()
		o.session.Close(errors.New("the test is over"))
	})
	return o
}

// serve has the owner listen, and returns where.
func (o *owner) serve(t testing.TB) string {
	t.Helper()
	server := peer.NewServer(o.config()).HTTP()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

func (o *owner) config() peer.ServerConfig {
	return peer.ServerConfig{
		Owned: func(key string) (peer.Owned, bool) {
			return peer.Owned{Cell: o.cell, Epoch: o.epoch.Load(), Form: theForm, MaxInFlight: o.places, Redact: o.redact}, key == o.key && !o.gone.Load()
		},
		Holds:   func(_ string, epoch int64) bool { return !o.lapsed.Load() && epoch == o.epoch.Load() },
		Running: func(key string) bool { return key == o.key && !o.gone.Load() },
		Tenure: func() fleet.TenureAnswer {
			o.looks.Add(1)
			return fleet.TenureAnswer{Node: "n1", Tenure: !o.lapsed.Load(), Generation: o.generation.Load()}
		},
		Logs: o.logs,
		Wake: func(key string) error {
			o.woken <- key
			return o.stays
		},
		Move: func(m peer.Move) error {
			if o.stays == nil {
				o.moves <- m
			}
			return o.stays
		},
		Generation: o.generation.Load,
		Decide: func(_ string, _ peer.Owned, r peer.Asked) *endpoint.Denied {
			if o.decide == nil {
				return nil
			}
			return o.decide(r)
		},
		Budget: o.budget, AnswerTime: o.answerTime,
		Log: slog.New(slog.DiscardHandler),
	}
}

func (o *owner) target() peer.Target {
	return peer.Target{Key: o.key, Node: "n1", Address: o.proxy.Addr(), Epoch: theEpoch, Form: theForm}
}

// open opens a session through the proxy.
func (o *owner) open(t *testing.T) *peer.Session {
	t.Helper()
	return opened(t, o.client, o.target())
}

// opened opens a session of any client with any gateway.
func opened(t *testing.T, client *peer.Client, target peer.Target) *peer.Session {
	t.Helper()
	s, err := reached(t, func() (*peer.Session, error) { return client.Open(t.Context(), target) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(nil) })
	return s
}

// reached asks until the other gateway is reached: on a busy machine that may take longer
// than a client waits.
func reached[V any](t *testing.T, ask func() (V, error)) (answer V, err error) {
	t.Helper()
	testkit.Eventually(t, "the other gateway is reached", func() bool {
		answer, err = ask()
		_, away := errors.AsType[*peer.Unreached](err)
		return !away
	})
	return answer, err
}

// told is reached for what has no answer.
func told(t *testing.T, tell func() error) error {
	t.Helper()
	_, err := reached(t, func() (struct{}, error) { return struct{}{}, tell() })
	return err
}

// call is a tool call of an agent.
func call(id string) endpoint.Request {
	return endpoint.Request{
		Method: "tools/call", Params: []byte(`{"name":"write","arguments":{"é":"1"}}`),
		By: endpoint.Call{ID: id, Agent: "ci", Tool: "write", Origin: "from"}, Deadline: time.Now().Add(time.Minute), Generation: 5,
	}
}

// begun makes a call on a goroutine of its own.
func begun(ctx context.Context, s endpoint.Session, req endpoint.Request) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := s.Call(ctx, req)
		done <- err
	}()
	return done
}

// await receives, or fails the test after a time that is never reached otherwise.
func await[V any](t *testing.T, what string, c <-chan V) V {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(testkit.Patience):
		t.Fatalf("%s: not there within %v, want it to come", what, testkit.Patience)
		panic("not reached")
	}
}

func isNotWritten(err error) bool {
	_, ok := errors.AsType[*endpoint.NotWritten](err)
	return ok
}

// ids are those of the calls that have reached the server.
func (o *owner) ids() (ids []string) {
	for _, req := range o.session.Calls() {
		ids = append(ids, req.By.ID)
	}
	return ids
}
