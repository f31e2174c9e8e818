package redact

import "sync/atomic"

// Live is a set of secrets that changes while Redactors use it, such as tokens that
// are renewed. Its methods may be called from any goroutine. A nil Live has none.
type Live struct{ now atomic.Pointer[Redactor] }

// Set puts other secrets in place of those that were there.
func (l *Live) Set(secrets []Secret) { l.now.Store(New(secrets)) }

// With returns a Redactor that replaces the secrets of l as well, whatever they are
// at the time.
func (r *Redactor) With(l *Live) *Redactor {
	if r == nil {
		r = &Redactor{}
	}
	return &Redactor{forms: r.forms, live: l}
}

// all returns the lists of forms to look for.
func (r *Redactor) all() [2][]form {
	lists := [2][]form{r.forms}
	if r.live != nil {
		if now := r.live.now.Load(); now != nil {
			lists[1] = now.forms
		}
	}
	return lists
}
