package front

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
)

// RouteTo returns the way to a server: to the agent's own instance of it, if the
// server has instances and the agent has one, else to its entry. It starts nothing.
func (a *Attempt) RouteTo(server string) (*snapshot.Route, bool) {
	r, ok := a.Snapshot.Route(server)
	if !ok || r.Cell.Instances() == nil {
		return r, ok
	}
	if cell, there := r.Cell.Instances().Find(a.whose(r)); there {
		return toInstance(r, cell), true
	}
	return r, true
}

// Notices are who hears what a server says unasked: the agent's own instance, if the
// server has instances.
func (a *Attempt) Notices(server string) (*endpoint.Notices, bool) {
	r, ok := a.Snapshot.Route(server)
	switch {
	case !ok:
		return nil, false
	case r.Cell.Instances() != nil:
		return r.Cell.Notices().Of(a.whose(r)), true
	}
	return r.Cell.Notices(), true
}

// toInstance is the way to an instance of a server.
func toInstance(r *snapshot.Route, cell *endpoint.Cell) *snapshot.Route {
	return &snapshot.Route{Entry: r.Entry, Cell: cell, Redact: cell.Instance().Redact}
}

// whose is whom an instance of a server is for that this call uses.
func (a *Attempt) whose(r *snapshot.Route) endpoint.Whose {
	w := endpoint.Whose{Agent: a.Agent}
	if r.Entry.Settings.Scope == serversfile.ScopeSession {
		w.Session = a.call.Caller.Session
	}
	return w
}

// owned goes on to the agent's own instance of a server that has instances, and has
// it started if there is none.
func (a *Attempt) owned(context.Context) error {
	if cell := a.Route.Cell; cell.Instances() == nil && cell.Instance() == nil {
		return nil // As nearly always.
	}
	entry, ok := a.Snapshot.Route(a.Route.Entry.Name)
	if !ok {
		return nil
	}
	return a.obtain(entry)
}

// ownedUnlessListed is owned for who only asks for a list, and takes that of another
// instance where Call.Own does not say otherwise.
func (a *Attempt) ownedUnlessListed(ctx context.Context) error {
	if !a.call.Own && a.Route.Cell.Shown(a.call.Target.Kind.List).Known {
		return nil
	}
	return a.owned(ctx)
}

// obtain takes the call to an instance of the entry.
func (a *Attempt) obtain(entry *snapshot.Route) error {
	a.Route = entry
	if a.Agent == "." || a.Agent == ".." { // It may become part of a path.
		return &Failure{Code: CodeServerUnavailable, Message: fmt.Sprintf(
			"%q runs once for each agent, and an agent called %q could reach the files of others; not run. Tell the user.", entry.Entry.Name, a.Agent)}
	}
	w, client := a.whose(entry), endpoint.Client(nil)
	if entry.Entry.Settings.Scope == serversfile.ScopeSession {
		if client = a.call.Caller.Asks; w.Session == "" {
			return noSession(entry)
		}
	}
	if room := a.call.router.cfg.Room; room != nil && entry.Entry.Settings.Scope == serversfile.ScopeAgent && !room(entry.Entry.Name, w.Agent) {
		return noRoomForInstance(entry)
	}
	first := endpoint.Status{State: endpoint.Idle, Since: time.Now()}
	cell, fresh, err := entry.Cell.Instances().Obtain(w, a.call.Caller.Owner(), client, entry.Entry.Settings.MaxInstances, first)
	switch {
	case errors.Is(err, endpoint.ErrTooManyInstances):
		return tooManyInstances(entry)
	case err != nil:
		return a.closed(entry.Cell.Status())
	case fresh:
		a.call.router.cfg.Wake(entry.Entry.Name, cell)
	}
	a.Route = toInstance(entry, cell)
	return nil
}

// noSession is for a caller that has none, for a server that runs once for each.
func noSession(r *snapshot.Route) *Failure {
	return &Failure{Code: CodeServerUnavailable, Message: fmt.Sprintf(
		"%q runs once for each client session, and this request belongs to none; not run. Tell the user: the client must open a session (initialize, and send its Mcp-Session-Id; "+
			"over stdio each client has one), or the server's gateway.scope must be \"agent\" or \"shared\".", r.Entry.Name)}
}

// noRoomForInstance is for a gateway of a fleet that runs as many instances as it may.
func noRoomForInstance(r *snapshot.Route) *Failure {
	return &Failure{Code: CodeServerUnavailable, RetryAfterMS: 5000, Message: fmt.Sprintf(
		"%q runs once for each agent, and this gateway has as many such instances of all servers as one gateway of a fleet may; not run. Try again after 5 s, at most twice, then tell the user.",
		r.Entry.Name)}
}

func tooManyInstances(r *snapshot.Route) *Failure {
	return &Failure{Code: CodeServerUnavailable, RetryAfterMS: 5000, Message: fmt.Sprintf(
		"%q runs once for each %s, and %d of them run, as many as may (max_instances); not run. Try again after 5 s, at most twice, then tell the user.",
		r.Entry.Name, r.Entry.Settings.Scope, r.Entry.Settings.MaxInstances)}
}
