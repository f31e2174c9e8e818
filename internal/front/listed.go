package front

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
)

const (
	// freshFor is how long a server's list is good enough to say of something
	// that it does not exist.
	freshFor = time.Second
	// relistWait is how long a call waits for a fresh list.
	relistWait = 5 * time.Second
)

// listed deals with a target that the server's list does not have. A list that
// is not fresh is read once more before the call is refused; as the call has
// waited then, it is decided anew. A server that never listed what it has is
// simply asked.
func (a *Attempt) listed(ctx context.Context) error {
	c, t := a.call, &a.call.Target
	catalog := a.Route.Cell.Catalog()
	if !catalog.Known || t.Kind.Has(catalog, t.Name) {
		return nil
	}
	if c.relisted != a.Route.Cell && time.Since(catalog.At) >= freshFor {
		c.relisted = a.Route.Cell
		a.relist(ctx, catalog)
		if ctx.Err() != nil {
			return cancelled(false)
		}
		return errAgain
	}
	fail := &Failure{Code: t.Kind.NotFound, Available: a.nearest(t)}
	fail.Message = fmt.Sprintf("There is no %s %q on %q. %s", t.Kind.Noun, Shown(t.Name), a.Route.Entry.Name, choose(fail.Available))
	return fail
}

// known goes on if the server has listed what it has, in whatever state it is
// now. The lists of a ready server whose first ones could not be read are read
// again.
func (a *Attempt) known(ctx context.Context) error {
	st, catalog := a.Route.Cell.Status(), a.Route.Cell.Catalog()
	if catalog.Known {
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
	switch catalog = a.Route.Cell.Catalog(); {
	case ctx.Err() != nil:
		return cancelled(false)
	case catalog.Known || a.Route.Cell.Status() != st && time.Now().Before(a.call.limits.deadline):
		return errAgain
	default:
		return &Failure{Code: CodeServerError, Message: fmt.Sprintf("%q does not list its %s: %s. Tell the user.",
			a.Route.Entry.Name, a.call.Target.Kind.Plural, Brief(a.Route.Redact.String(cmp.Or(catalog.Err, "it did not answer in time"))))}
	}
}

// relist asks for fresh lists and waits until they are there, or have not come
// in time, or the server's state has changed.
func (a *Attempt) relist(ctx context.Context, old *endpoint.Catalog) {
	r, cell := a.call.router, a.Route.Cell
	st := cell.Status()
	r.cfg.Refresh(a.Route.Entry.Name, cell)
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
