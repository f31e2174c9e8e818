package main

import (
	"net/http"
	"time"

	"gatehouse/internal/admin"
)

// doubtPatience is how long calls go on by the old rules while changed ones
// cannot be read.
const doubtPatience = 10 * time.Second

// rulesUnknown reports whether calls are refused because the rules have changed
// and cannot be read. It does not block.
func (a *app) rulesUnknown() bool {
	d := a.operator.view.Doubt()
	return d != nil && a.opts.rulesUnreadable == unreadableDeny && time.Since(d.Since) >= doubtPatience
}

// unreadable is what status says of rules that cannot be read; nil for nothing.
func (o *operator) unreadable() *admin.Unreadable {
	d := o.view.Doubt()
	if d == nil {
		return nil
	}
	return &admin.Unreadable{Since: d.Since, Reason: d.Reason, Refusing: o.app.rulesUnknown()}
}

// readyz answers whether the gateway decides calls by what is in its files.
func (a *app) readyz(w http.ResponseWriter, _ *http.Request) {
	const unknown = "the rules have changed and cannot be read"
	unready := a.fleet.unready()
	switch doubt := a.operator.view.Doubt(); {
	case !a.ready.Load():
		answer(w, http.StatusServiceUnavailable, "not ready")
	case unready != "":
		answer(w, http.StatusServiceUnavailable, "not ready: "+unready)
	case doubt == nil:
		answer(w, http.StatusOK, "ready")
	case a.opts.rulesUnreadable == unreadableKeep:
		answer(w, http.StatusOK, "ready, but "+unknown+": those before stay in force")
	default:
		answer(w, http.StatusServiceUnavailable, "not ready: "+unknown)
	}
}
