package surface

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tasks"
)

// Tasks are the tasks that servers have promised to agents. A task that nobody asks
// for is cancelled after a while.
type Tasks struct {
	book tasks.Book
	idle time.Duration

	ctx     context.Context //nolint:containedctx // It ends with Close.
	cancel  context.CancelFunc
	mu      sync.Mutex
	look    *time.Timer  // set while there are tasks
	next    time.Time    // when it goes off
	given   []tasks.Task // to be cancelled: they gave way
	looking sync.WaitGroup
}

// NewTasks makes them. A task is cancelled that nobody has asked for in that time,
// unless the server's entry has another; 0 is 30 min. Close must follow.
func NewTasks(idle time.Duration) *Tasks {
	t := &Tasks{idle: cmp.Or(idle, 30*time.Minute)}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// Close ends the looking after tasks, and waits for that.
func (t *Tasks) Close() {
	t.cancel()
	t.mu.Lock()
	if t.look != nil && t.look.Stop() {
		t.looking.Done()
	}
	t.mu.Unlock()
	t.looking.Wait()
}

// lookLater looks after the tasks in a while, for the sake of one that is kept for that
// long, unless that is planned.
func (t *Tasks) lookLater(idle time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := min(idle/8, maxLook) + time.Second
	next := time.Now().Add(in)
	switch {
	case t.ctx.Err() != nil:
	case t.look == nil:
		t.looking.Add(1)
		t.look, t.next = time.AfterFunc(in, t.lookAfter), next
	case next.Before(t.next) && t.look.Stop():
		t.look.Reset(in)
		t.next = next
	}
}

// lookAfter cancels the tasks that nobody has asked for.
func (t *Tasks) lookAfter() {
	defer t.looking.Done()
	running, shortest := t.book.Expire(time.Now())
	t.mu.Lock()
	running, t.given = append(running, t.given...), nil
	t.mu.Unlock()
	places := make(chan struct{}, maxCancelled)
	var all sync.WaitGroup
	for _, task := range running {
		places <- struct{}{}
		all.Go(func() {
			t.giveUp(task)
			<-places
		})
	}
	all.Wait()
	t.mu.Lock()
	t.look = nil
	if t.given != nil {
		shortest = min(cmp.Or(shortest, t.idle), t.idle)
	}
	t.mu.Unlock()
	if shortest > 0 {
		t.lookLater(shortest)
	}
}

// maxLook is the longest time between looks after the tasks, less a second.
const maxLook = time.Hour

// So many tasks are cancelled at a time, and a server has so long for one.
const (
	maxCancelled = 8
	cancelWait   = 5 * time.Second
)

// giveUpSoon has a task cancelled, and does not wait for that.
func (t *Tasks) giveUpSoon(task tasks.Task) {
	t.lookLater(t.idle)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.given = append(t.given, task)
	if t.look != nil && t.look.Stop() {
		t.look.Reset(0)
	}
}

// giveUp tells a server that nobody wants a task any more.
func (t *Tasks) giveUp(task tasks.Task) {
	session := task.Run.Session()
	if session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(t.ctx, cancelWait)
	defer cancel()
	_, _ = session.Call(ctx, endpoint.Request{ // Whatever it says, nobody asks.
		Method:       "tasks/cancel",
		Params:       rawjson.Set([]byte("{}"), "taskId", rawjson.AppendString(nil, task.Theirs)),
		Capabilities: json.RawMessage(`{"extensions":{"` + extensionTasks + `":{}}}`),
	})
}

// offer is a place that is held for the task that a call may be answered with.
type offer struct {
	visit     *visit
	tasks     *Tasks
	who       string
	stateless bool
	kept      bool
}

// offerTasks lets a call be answered with a task, if its client can follow one. The
// offer must be closed; nil is none. An error refuses the call.
func (v *visit) offerTasks(c *relay.Call) (*offer, *front.Failure) {
	stateless := v.caller.Protocol >= endpoint.StatelessRevision
	asked := v.r.Task != nil && v.caller.Protocol == tasksRevision
	if v.Tasks == nil || !asked && (!stateless || declared(v.r.Capabilities, extensionTasks) == nil) {
		return nil, nil //nolint:nilnil // Nothing is wrong with a call without tasks.
	}
	o := &offer{visit: v, tasks: v.Tasks, who: v.who(), stateless: stateless}
	given, ok := v.Tasks.book.Hold(o.who)
	if given != nil {
		v.Tasks.giveUpSoon(*given)
	}
	switch {
	case ok:
	case stateless:
		return nil, nil //nolint:nilnil // The server is not told that tasks can be followed, and answers at once.
	default:
		return nil, &front.Failure{
			Code: front.CodeOverloaded, RetryAfterMS: 1000,
			Message: fmt.Sprintf("%d of your tasks are kept, as many as may be; not run. Fetch or cancel some, or call without a task.", tasks.MaxOwned),
		}
	}
	c.Task, c.Promised = v.r.Task, o.take
	c.Extensions = v.extensions(true)
	return o, nil
}

// who is whose tasks those of the caller are, whatever its agent.
func (v *visit) who() string {
	return v.caller.Owner()
}

// close releases the place if it was not needed.
func (o *offer) close() {
	if o != nil && !o.kept {
		o.tasks.book.Release(o.who)
	}
}

// take keeps a task that a server has answered with, and returns it under an id of
// the gateway's own.
func (o *offer) take(a *front.Attempt, answer relay.Result, id string) (relay.Result, error) {
	task := rawjson.Get(answer.Raw, "task")
	if o.stateless {
		task = answer.Raw
	}
	promised := rawjson.Text(rawjson.Get(task, "taskId"))
	if o.stateless != a.Server.Stateless() || promised == "" || len(promised) > tasks.MaxID ||
		o.stateless && rawjson.Text(answer.ResultType.Of(answer.Raw)) != "task" {
		return relay.Result{}, relay.RefuseTask(a, id)
	}
	target := a.Target()
	kept := tasks.Task{
		ID: "gh-" + rand.Text(), Theirs: promised, Owner: tasks.Owner{Who: o.who, Agent: a.Agent},
		Server: target.Server, Tool: target.Name, Stateless: o.stateless, Run: a.Run,
		Idle: cmp.Or(a.Route.Entry.Settings.SessionIdle, o.tasks.idle),
	}
	shown := shownTask(a.Route, &kept, task)
	kept.State = stateOf(shown)
	o.kept = true
	begin := o.visit.follow(a, &kept)
	o.tasks.book.Keep(kept, time.Now())
	begin()
	o.tasks.lookLater(kept.Idle)
	if !o.stateless {
		shown = relatedTask(rawjson.Set(answer.Raw, "task", shown), &kept, false)
	}
	return relay.Look(shown), nil
}
