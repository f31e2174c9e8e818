package surface

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tasks"
)

// follow has the client's session told what a server of before 2026-07-28 says unasked
// of a task that it is about to be promised, and returns what begins that.
func (v *visit) follow(a *front.Attempt, t *tasks.Task) (begin func()) {
	if t.Stateless || v.caller.Inbox == nil {
		return func() {}
	}
	book, id := &v.Tasks.book, t.ID
	s, err := a.Route.Cell.Notices().SubscribeTask(t.Theirs, func(said json.RawMessage) {
		if now, ok := book.Look(id); ok && now.Tell != nil {
			now.Tell(now, said)
		}
	})
	if err != nil {
		return func() {} // There are too many: its owner asks how it stands, as ever.
	}
	t.Tell, t.Forgotten = v.teller(id), s.End
	return s.Begin
}

// teller takes what a server says of a task to the client's inbox, for as long as the
// rules let its agent use the tool. What comes after the task's end changes nothing.
func (v *visit) teller(id string) func(t tasks.Task, said json.RawMessage) {
	router, caller, book := v.Router, v.caller, &v.Tasks.book
	return func(t tasks.Task, said json.RawMessage) {
		a, ok := router.Seen(caller)
		if !ok || !a.Allows(&tools, t.Server, t.Tool) || t.Run.Session() == nil || isOver(t.State) {
			return
		}
		route, ok := a.RouteTo(t.Server)
		if !ok || rawjson.Get(said, memberStatus) == nil {
			return
		}
		method, said := endpoint.NoticeTaskOld, shownTask(route, &t, endpoint.WithoutOwnMeta(said))
		if t.Stateless {
			method, said = endpoint.NoticeTask, rawjson.Delete(said, "resultType")
		}
		book.Note(id, stateOf(said), false)
		caller.Inbox.Put(method, said)
	}
}

// taskKey is under what a subscription to a task is held in an inbox.
type taskKey struct{ id string }

// FollowTasks implements what agents asks of surfaces for subscriptions of 2026-07-28.
func (o *One) FollowTasks(ctx context.Context, c agents.Caller, ids []string) (agreed []string) {
	return o.gateway.followTasks(ctx, c, o.server, ids)
}

// FollowTasks implements what agents asks of surfaces for subscriptions of 2026-07-28.
func (s *All) FollowTasks(ctx context.Context, c agents.Caller, ids []string) (agreed []string) {
	return s.gateway.followTasks(ctx, c, "", ids)
}

// followTasks has a client's inbox hear of those of its tasks whose servers agree to
// speak of them, and returns their ids. server is "" for all.
func (g Gateway) followTasks(ctx context.Context, c agents.Caller, server string, ids []string) (agreed []string) {
	if g.Tasks == nil {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, followWait)
	defer cancel()
	v := visit{Gateway: g, ctx: waiting, caller: c, r: agents.Request{Method: methodListen}}
	lost := map[endpoint.Run][]string{}
	for _, id := range ids {
		if len(id) > maxNameBytes || slices.Contains(agreed, id) {
			continue
		}
		if t, ok := v.findTask(server, id, true); ok && (t.Run.Session() == nil || v.joinTask(&t)) {
			agreed = append(agreed, id)
			lost[t.Run] = append(lost[t.Run], id)
		}
	}
	for run, ids := range lost {
		v.tellOfTheEnd(ctx, run, ids)
	}
	return agreed
}

// joinTask subscribes the client's inbox to a task, and reports whether its server has
// agreed.
func (v *visit) joinTask(t *tasks.Task) bool {
	tell, book := v.teller(t.ID), &v.Tasks.book
	var c front.Call
	c.Of = &t.Run
	v.begin(&c, t.Server, &tools, t.Tool)
	defer v.Router.Finish(&c)
	err := v.Router.Reach(v.ctx, &c, func(a *front.Attempt) error {
		held, err := v.caller.Inbox.Hold(taskKey{t.ID}, func() (agents.Held, error) {
			return a.Route.Cell.Notices().SubscribeTask(t.Theirs, func(said json.RawMessage) {
				if now, ok := book.Look(t.ID); ok {
					tell(now, said)
				}
			})
		})
		if err != nil {
			return &front.Failure{Code: front.CodeOverloaded, Message: "Not subscribed: " + err.Error() + "."}
		}
		s, _ := held.(*endpoint.Subscription)
		if err = v.settled(a, s); err == nil {
			err = spoken(s.Answer())
		}
		if err != nil {
			v.caller.Inbox.Release(taskKey{t.ID})
		}
		return err
	})
	return c.End(err) == nil
}

// spoken reports as an error that a server does not speak of a task.
func spoken(answer endpoint.Response, err error) error {
	if answer.Error != nil {
		err = errors.New(endpoint.ErrorText(answer.Error))
	}
	if err == nil {
		return nil
	}
	return &front.Failure{Code: front.CodeServerError, Message: "The server does not say how it stands with this task; ask for it."}
}

// tellOfTheEnd tells the client's inbox once the run of some of its tasks ends, as long
// as ctx lasts.
func (v *visit) tellOfTheEnd(ctx context.Context, run endpoint.Run, ids []string) {
	session := run.Session()
	if session == nil {
		v.tellLost(ids)
		return
	}
	go func() { // Ends with the run, or with the subscription.
		select {
		case <-session.Done():
			v.tellLost(ids)
		case <-ctx.Done():
		}
	}()
}

// tellLost tells the client's inbox of tasks that ended with their server.
func (v *visit) tellLost(ids []string) {
	a, ok := v.Router.Seen(v.caller)
	for _, id := range ids {
		t, there := v.Tasks.book.Look(id)
		if !ok || !there || isOver(t.State) || !a.Allows(&tools, t.Server, t.Tool) {
			continue
		}
		if route, known := a.RouteTo(t.Server); known {
			v.caller.Inbox.Put(endpoint.NoticeTask, lostState(&t, front.RunOver(route, t.Run)))
		}
	}
}
