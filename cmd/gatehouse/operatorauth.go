package main

import (
	"gatehouse/internal/admin"
	"gatehouse/internal/snapshot"
)

// authStatus returns how the login of a server is; nil if there is nothing to say of it.
func (o *operator) authStatus(r *snapshot.Route) *admin.Auth {
	st, ok := o.app.logins.State(r.Entry.Name)
	if !ok {
		return nil
	}
	a := &admin.Auth{
		State: admin.NeedsLogin, Issuer: st.Issuer, Account: st.Account, Expires: timeOrNil(st.Expires), Renews: st.Renews,
		Wanted: st.Wanted, Problem: r.Redact.String(st.Trouble),
	}
	if st.LoggedIn {
		a.Store = st.Store
	}
	if !st.NeedsLogin {
		a.State = admin.LoggedIn
	}
	return a
}
