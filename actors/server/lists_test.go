package server_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// Lists that nobody has asked for cost the server nothing, however often it
// announces them; those that somebody has asked for are kept up to date, also by
// the next run.
func TestLists_areReadOnceSomebodyHasAsked(t *testing.T) {
	var count atomic.Int64
	var hooks server.Hooks
	sessions := make(chan *testkit.Session, 10)
	open := func(ctx context.Context, plan messages.ServerPlan, run uint64, h server.Hooks) (endpoint.Session, error) {
		hooks = h
		return opener(sessions)(ctx, plan, run, h)
	}
	read := func(_ context.Context, _ endpoint.Session, list endpoint.List) ([]endpoint.Tool, int64, error) {
		n := count.Add(1)
		return []endpoint.Tool{{Name: fmt.Sprintf("%s %d", list.Capability(), n)}}, 7, nil
	}
	inRig(t, func() script { return script{open: open, read: read} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		changed := func(want ...string) {
			t.Helper()
			hooks.ListChanged(endpoint.Resources)
			hooks.ListChanged(endpoint.Prompts)
			r.Sleep(5 * time.Second)
			if got := names(r.cell.Listed(endpoint.Resources)); !slices.Equal(got, want) {
				t.Errorf("got the resources %v, want %v", got, want)
			}
		}
		changed()
		r.Send(r.pid, messages.RefreshTools{List: endpoint.Resources})
		r.Sleep(5 * time.Second)
		if c := r.cell.Listed(endpoint.Resources); !c.Known || c.TTL != 7 || c.At.IsZero() {
			t.Errorf("got %+v, want a list that may be kept for 7 ms", c)
		}
		changed("resources 2")
		(<-sessions).Close(exit(endpoint.Serving, "exit status 3"))
		r.Sleep(5 * time.Second)
		if got, want := names(r.cell.Listed(endpoint.Resources)), []string{"resources 3"}; !slices.Equal(got, want) {
			t.Errorf("after a restart got %v, want %v", got, want)
		}
		if r.cell.Listed(endpoint.Prompts).Known {
			t.Error("the prompts are known, want that nobody reads them who was not asked to")
		}
	})
}
