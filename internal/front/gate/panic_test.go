package gate_test

import (
	"context"
	"testing"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
)

func TestAudit_aCallThatEndsByAPanic_isRecorded(t *testing.T) {
	g := newGate(t, allowAll, up("db", func(context.Context, endpoint.Request) (endpoint.Response, error) {
		panic("a bug")
	}))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is hidden from those who log it")
			}
		}()
		g.execute("db", "query")
	}()
	r := g.Record()
	if r.Outcome != "INTERNAL" || r.Decision != audit.Allow || r.Server != "db" || r.Tool != "query" || r.AgentID != "a" {
		t.Errorf("got %+v, want INTERNAL for the allowed call of query by a", r)
	}
}
