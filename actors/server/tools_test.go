package server_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// lister is a tools/list that can be changed.
type lister struct {
	count atomic.Int64
	next  atomic.Pointer[func(context.Context, endpoint.Session) ([]endpoint.Tool, error)]
}

func newLister(tools ...string) *lister {
	l := &lister{}
	l.set(lists(tools...))
	return l
}

func (l *lister) set(f func(context.Context, endpoint.Session) ([]endpoint.Tool, error)) {
	l.next.Store(&f)
}

func (l *lister) list(ctx context.Context, s endpoint.Session) ([]endpoint.Tool, error) {
	l.count.Add(1)
	return (*l.next.Load())(ctx, s)
}

func fails(context.Context, endpoint.Session) ([]endpoint.Tool, error) { return nil, errNoList }

func TestTools_refresh_publishesTheNewList(t *testing.T) {
	l := newLister("read")
	inRig(t, func() script { return script{open: opens(testkit.NewSession(1, testkit.Hangs)), list: l.list} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		old := r.cell.Catalog()
		l.set(lists("read", "grow"))
		r.Send(r.pid, messages.RefreshTools{})
		<-old.Replaced()
		if got := names(r.cell.Catalog()); !slices.Equal(got, []string{"read", "grow"}) {
			t.Errorf("got %v, want [read grow]", got)
		}
		if got := r.cell.Catalog().TTL; got != keptFor {
			t.Errorf("the list may be kept for %d ms, want %d", got, keptFor)
		}
		if e := testkit.Expect[messages.ToolsListed](t, r.events); e != (messages.ToolsListed{Server: "files", Run: 1, Tools: 2}) {
			t.Errorf("got %+v, want 2 tools of files in run 1", e)
		}
	})
}

// A list of an earlier gateway stays one until the server lists its tools itself.
func TestTools_keptList_staysOneUntilTheServerListsItsTools(t *testing.T) {
	l := newLister()
	l.set(fails)
	inRig(t, func() script { return script{open: opens(testkit.NewSession(1, testkit.Hangs)), list: l.list} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		r.cell.Recall(endpoint.Catalog{Tools: []endpoint.Tool{{Name: "kept"}}})
		refreshed := func() *endpoint.Catalog {
			old := r.cell.Catalog()
			r.Send(r.pid, messages.RefreshTools{})
			<-old.Replaced()
			return r.cell.Catalog()
		}
		if c := refreshed(); !c.Kept || !c.Known || !slices.Equal(names(c), []string{"kept"}) || c.Err == "" {
			t.Errorf("got %+v, want the kept list still, and why there is none of its own", c)
		}
		l.set(lists("own"))
		if c := refreshed(); c.Kept || !slices.Equal(names(c), []string{"own"}) {
			t.Errorf("got %+v, want its own list", c)
		}
	})
}

func TestTools_refreshOfAServerThatHasNoSession_isNothing(t *testing.T) {
	l := newLister("read")
	inRig(t, func() script { return script{open: never, list: l.list} }, func(t *testing.T, r *rig) {
		r.Send(r.pid, messages.RefreshTools{})
		synctest.Wait()
		if l.count.Load() != 0 {
			t.Error("the tools of a server without a session were listed")
		}
	})
}

func TestTools_changeWhileTheFirstListIsRead_isReadAfterwards(t *testing.T) {
	l := newLister("read", "grow")
	open := func(_ context.Context, _ messages.ServerPlan, _ uint64, h server.Hooks) (endpoint.Session, error) {
		l.set(func(ctx context.Context, s endpoint.Session) ([]endpoint.Tool, error) {
			l.set(lists("read", "grow"))
			h.ToolsChanged() // After the server has made up its list.
			return lists("read")(ctx, s)
		})
		return testkit.NewSession(1, testkit.Hangs), nil
	}
	inRig(t, func() script { return script{open: open, list: l.list} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		testkit.Expect[messages.ToolsListed](t, r.events)
		if got := names(r.cell.Catalog()); !slices.Equal(got, []string{"read", "grow"}) {
			t.Errorf("got %v, want [read grow]", got)
		}
	})
}

func TestTools_changeWhileAListIsRead_isReadAfterwards(t *testing.T) {
	l := newLister("read")
	var hooks server.Hooks
	open := func(_ context.Context, _ messages.ServerPlan, _ uint64, h server.Hooks) (endpoint.Session, error) {
		hooks = h
		return testkit.NewSession(1, testkit.Hangs), nil
	}
	inRig(t, func() script { return script{open: open, list: l.list} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		l.set(func(ctx context.Context, s endpoint.Session) ([]endpoint.Tool, error) {
			l.set(lists("read", "grow"))
			hooks.ToolsChanged() // After the server has made up its list.
			synctest.Wait()
			return lists("read")(ctx, s)
		})
		r.Send(r.pid, messages.RefreshTools{})
		r.Sleep(10 * time.Second)
		if got, want := names(r.cell.Catalog()), []string{"read", "grow"}; !slices.Equal(got, want) {
			t.Errorf("the list is %v, want %v: it has changed since it was read", got, want)
		}
	})
}

func TestTools_floodOfChanges_costsOneListASecond(t *testing.T) {
	l := newLister("read")
	var hooks server.Hooks
	open := func(_ context.Context, _ messages.ServerPlan, _ uint64, h server.Hooks) (endpoint.Session, error) {
		hooks = h
		return testkit.NewSession(1, testkit.Hangs), nil
	}
	inRig(t, func() script { return script{open: open, list: l.list} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		before := l.count.Load()
		for range 1000 { // 10 s of it.
			hooks.ToolsChanged()
			hooks.ToolsChanged()
			r.Sleep(10 * time.Millisecond)
		}
		l.set(lists("last"))
		hooks.ToolsChanged()
		r.Sleep(2 * time.Second)
		if n := l.count.Load() - before; n < 9 || n > 13 {
			t.Errorf("the tools were listed %d times in 12 s, want about once a second", n)
		}
		if got := names(r.cell.Catalog()); !slices.Equal(got, []string{"last"}) {
			t.Errorf("got %v, want the list after the last change", got)
		}
	})
}

func TestTools_refreshThatFails_keepsTheOldListAndSaysWhyWithoutSecrets(t *testing.T) {
	l := newLister("read")
	inRig(t, func() script { return script{open: opens(testkit.NewSession(1, testkit.Hangs)), list: l.list} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		old := r.cell.Catalog()
		l.set(fails)
		r.Send(r.pid, messages.RefreshTools{})
		<-old.Replaced()
		wantKept(t, r)
		if e := testkit.Expect[messages.ToolsListed](t, r.events); e.Err == "" || strings.Contains(e.Err, "s3cr3t") || e.Tools != 1 {
			t.Errorf("got %+v, want an error without the secret, and 1 tool", e)
		}
	})
}

func TestTools_areKeptOverARestartThatCannotListThem(t *testing.T) {
	l := newLister("read")
	sessions := make(chan *testkit.Session, 10)
	inRig(t, func() script { return script{open: opener(sessions), list: l.list} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		l.set(fails)
		(<-sessions).Close(exit(endpoint.Serving, "exit status 1"))
		testkit.Expect[failure](t, r.failures)
		synctest.Wait()
		if st := r.cell.Status(); st.State != endpoint.Ready || st.Run != 2 {
			t.Fatalf("got status %+v, want ready in run 2", st)
		}
		wantKept(t, r)
	})
}

func wantKept(t *testing.T, r *rig) {
	t.Helper()
	c := r.cell.Catalog()
	if _, ok := c.Lookup("read"); !ok || !c.Known || len(c.Tools) != 1 {
		t.Errorf("the old list is gone, want it kept: %+v", c)
	}
	if c.Err == "" || strings.Contains(c.Err, "s3cr3t") {
		t.Errorf("the catalog says %q, want why, without the secret", c.Err)
	}
}

func TestTools_serverThatCannotListItsToolsAtFirst_isReadyWithoutAList(t *testing.T) {
	l := newLister()
	l.set(fails)
	inRig(t, func() script { return script{open: opens(testkit.NewSession(1, testkit.Hangs)), list: l.list} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		if e := testkit.Expect[messages.ToolsListed](t, r.events); e.Err == "" {
			t.Errorf("got %+v, want an error", e)
		}
		if c := r.cell.Catalog(); c.Known || r.cell.Status().State != endpoint.Ready {
			t.Errorf("got catalog %+v, want an unknown list of a ready server", c)
		}
	})
}

// What an older run still has to say must not touch the run after it.
func TestTools_listOfAnOlderRun_isDropped(t *testing.T) {
	l := newLister("read")
	sessions := make(chan *testkit.Session, 10)
	inRig(t, func() script { return script{open: opener(sessions), list: l.list} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		let := make(chan struct{})
		l.set(func(context.Context, endpoint.Session) ([]endpoint.Tool, error) {
			<-let
			return []endpoint.Tool{{Name: "stale"}}, nil
		})
		r.Send(r.pid, messages.RefreshTools{})
		synctest.Wait()
		l.set(lists("fresh"))
		(<-sessions).Close(exit(endpoint.Serving, "exit status 1"))
		if e := testkit.Expect[messages.ServerReady](t, r.events); e.Run != 2 {
			t.Fatalf("got %+v, want run 2", e)
		}
		close(let)
		synctest.Wait()
		if got := names(r.cell.Catalog()); !slices.Equal(got, []string{"fresh"}) {
			t.Errorf("got %v, want [fresh]", got)
		}
	})
}
