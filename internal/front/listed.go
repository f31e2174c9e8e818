package front

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/snapshot"
)

const (
	// freshFor is how long a server's list is good enough to say of something
	// that it does not exist.
	freshFor = time.Second
	// relistWait is how long a call waits for a fresh list.
	relistWait = 5 * time.Second
)

// listed deals with a target that the server's list does not have. A list that
// is not fresh is read once more before the call is refused. A server that never
// listed what it has, or only to an earlier gateway, is simply asked.
func (a *Attempt) listed(ctx context.Context) error {
	if a.call.Of != nil {
		return nil // What it is about was there when it began.
	}
	t := &a.call.Target
	catalog := a.Route.Cell.Listed(t.Kind.List)
	if catalog.Kept {
		return a.permitAsUnlisted()
	}
	if !catalog.Known || t.Kind.Has(catalog, t.Name) {
		return nil
	}
	if a.stale(catalog) {
		return a.listAgain(ctx, catalog)
	}
	return a.notListed(catalog)
}

// stale reports whether a list is too old to prove that something does not
// exist and has not been read again for this call.
func (a *Attempt) stale(catalog *endpoint.Catalog) bool {
	return a.call.relisted != a.Route.Cell && time.Since(catalog.At) >= freshFor
}

// listAgain has the server's list read once more. As the call has waited then,
// it is decided anew.
func (a *Attempt) listAgain(ctx context.Context, catalog *endpoint.Catalog) error {
	a.call.relisted = a.Route.Cell
	a.relist(ctx, catalog)
	if ctx.Err() != nil {
		return cancelled(false)
	}
	return errAgain
}

// notListed refuses a target that the server's latest list does not have. It
// says so if that list is not fresh after all.
func (a *Attempt) notListed(catalog *endpoint.Catalog) *Failure {
	t := &a.call.Target
	fail := &Failure{Code: t.Kind.NotFound}
	var advice string
	fail.Available, advice = a.instead(t)
	stale := ""
	switch age := time.Since(catalog.At); {
	case catalog.Err != "" || age >= freshFor+relistWait:
		stale = fmt.Sprintf(" by its list of %d s ago, and a fresh one could not be read", int(age.Seconds()))
	case catalog.Warning != "":
		stale = " by its list, which may not be all of it"
	}
	fail.Message = fmt.Sprintf("There is no %s %q on %q%s. %s", t.Kind.Noun, Shown(t.Name), a.Route.Entry.Name, stale, advice)
	if trouble := a.Trouble(a.Route); trouble != "" {
		fail.Message += fmt.Sprintf(" What is wrong with its list: %s.", strings.TrimSuffix(trouble, "."))
	}
	return fail
}

// Trouble says, for agents, why what a server has listed may not be all that it
// has; empty if there is nothing to say.
func (a *Attempt) Trouble(r *snapshot.Route) string {
	return Brief(r.Redact.String(r.Cell.Shown(endpoint.Tools).Trouble()))
}

// known goes on if the server has listed what it has, in whatever state it is
// now. The lists of a ready server are read again if its first ones could not
// be read, also where those of an earlier gateway stand in for them, or if they
// lack what the agent asks for by name and may use.
func (a *Attempt) known(ctx context.Context) error {
	st, catalog := a.Route.Cell.Status(), a.Route.Cell.Listed(a.call.Target.Kind.List)
	if !catalog.Known && !a.call.Own {
		catalog = a.Route.Cell.Shown(a.call.Target.Kind.List)
	}
	if catalog.Known {
		if st.State == endpoint.Ready && (catalog.Kept || a.unheard(catalog) || a.lacks(catalog)) && a.stale(catalog) {
			return a.listAgain(ctx, catalog)
		}
		a.Catalog = catalog
		return nil
	}
	if st.State != endpoint.Ready {
		return a.wait(ctx, st)
	}
	a.relist(ctx, catalog)
	select {
	case <-a.Route.Cell.ClosedC():
		return a.closed(st)
	default:
	}
	switch catalog = a.Route.Cell.Listed(a.call.Target.Kind.List); {
	case ctx.Err() != nil:
		return cancelled(false)
	case catalog.Known || a.Route.Cell.Status() != st && time.Now().Before(a.call.limits.deadline):
		return errAgain
	default:
		return &Failure{Code: CodeServerError, Message: fmt.Sprintf("%q does not list its %s: %s. Tell the user.",
			a.Route.Entry.Name, a.call.Target.Kind.Plural, Brief(a.Route.Redact.String(cmp.Or(catalog.Err, "it did not answer in time"))))}
	}
}

// unheard reports whether nobody hears when a list has changed. That of the tools
// is watched over in other ways.
func (a *Attempt) unheard(catalog *endpoint.Catalog) bool {
	list := a.call.Target.Kind.List
	return list != endpoint.Tools && !catalog.Info.Announces(list)
}

// introduced goes on once the server has said what it is, and notes that as
// Attempt.Server.
func (a *Attempt) introduced(ctx context.Context) error {
	a.Catalog = a.Route.Cell.Catalog()
	if a.Server = a.Catalog.Info; a.Server.ProtocolVersion != "" {
		return nil
	}
	st := a.Route.Cell.Status()
	if st.State != endpoint.Ready {
		return a.wait(ctx, st)
	}
	a.Server = st.Session.Info()
	return nil
}

// lacks reports whether a list has not all that the agent asks for by name, as
// far as it may use it.
func (a *Attempt) lacks(catalog *endpoint.Catalog) bool {
	t := &a.call.Target
	return slices.ContainsFunc(a.call.Wanted, func(name string) bool {
		return !t.Kind.Has(catalog, name) && t.Kind.Decide(a.Snapshot.Policy, a.Agent, t.Server, name, catalog).Allow
	})
}

// relist asks for fresh lists and waits until they are there, or have not come
// in time, or the server's state has changed.
func (a *Attempt) relist(ctx context.Context, old *endpoint.Catalog) {
	r, cell := a.call.router, a.Route.Cell
	st := cell.Status()
	r.cfg.Refresh(a.Route.Entry.Name, cell, a.call.Target.Kind.List)
	timer := time.NewTimer(min(relistWait, time.Until(a.call.limits.deadline)))
	defer timer.Stop()
	select {
	case <-old.Replaced():
	case <-st.Replaced():
	case <-cell.ClosedC():
	case <-timer.C:
	case <-r.stopping:
	case <-ctx.Done():
	}
}
