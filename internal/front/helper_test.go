package front_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/policy"
	"gatehouse/testkit"
)

const (
	allowAll = `{"agents": {"a": {"allow": {"servers": ["*"]}}}}`
	denyAll  = `{"agents": {"a": {}}}`
	uri      = "file:///notes.txt"
	contents = `{"contents":[{"uri":"file:///notes.txt","text":"hi"}]}`
)

// resources are a kind that no tool knows. Their rules are a stand-in: what
// lies under file:///secret/ is denied.
var resources = front.Kind{
	Noun: "resource", Plural: "resources", Ran: "it has been read", NotFound: "RESOURCE_NOT_FOUND",
	Decide: func(rules *policy.Policy, agent, server, name string, _ *endpoint.Catalog) policy.Decision {
		if d := rules.Decide(agent, server, ""); !d.Allow {
			return d
		}
		return policy.Decision{Allow: !strings.HasPrefix(name, "file:///secret/"), Step: policy.ToolDeniedPattern}
	},
	AllowedByName: func(_ *policy.Policy, _, server string) []string {
		if server == "docs" {
			return []string{"file:///docs"}
		}
		return nil
	},
	ListedBy: "resources/list",
	Names:    (*endpoint.Catalog).Names,
	Has: func(c *endpoint.Catalog, name string) bool {
		_, ok := c.Lookup(name)
		return ok
	},
}

// read is an operation that no tool knows: resources/read.
type read struct {
	front.Call
	got string
}

func (r *read) Request(endpoint.ServerInfo) endpoint.Request {
	return endpoint.Request{Method: "resources/read", Params: json.RawMessage(`{"uri":"` + r.Target.Name + `"}`)}
}

func (r *read) Answer(_ *front.Attempt, resp endpoint.Response) error {
	if resp.Error != nil {
		return &front.Failure{Code: front.CodeServerError, Message: string(resp.Error)}
	}
	r.got = string(resp.Result)
	return nil
}

// house is a router on a stage of fake servers.
type house struct {
	*testkit.Stage
	router *front.Router
}

func newHouse(t testing.TB, cfg front.Config, servers ...*testkit.Backend) *house {
	t.Helper()
	h := &house{Stage: testkit.NewStage(t, allowAll, servers...)}
	h.router = h.Router(cfg)
	return h
}

// callTime is how long such a call may take.
const callTime = time.Minute

// read reads a resource of db as agent a.
func (h *house) read(ctx context.Context, name string) (string, *front.Failure) {
	return h.readAs(ctx, agents.Caller{Client: "tester/1", Protocol: "2025-11-25"}, name)
}

// readAs is read over a connection of that kind.
func (h *house) readAs(ctx context.Context, caller agents.Caller, name string) (string, *front.Failure) {
	r := &read{}
	r.Caller = caller
	r.RequestedAgent, r.Timeout = "a", callTime
	r.Target = front.Target{Kind: &resources, Server: "db", Name: name}
	r.Record = audit.Record{Operation: "resources/read", Server: "db"}
	h.router.Start(&r.Call)
	defer h.router.Finish(&r.Call)
	fail := r.End(h.router.Forward(ctx, &r.Call, r))
	return r.got, fail
}

// codeOf is a failure's code, "" for none.
func codeOf(f *front.Failure) string {
	if f == nil {
		return ""
	}
	return f.Code
}

var errDisk = errors.New("the disk is full")
