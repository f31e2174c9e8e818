package ops

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"gatehouse/internal/admin"
)

// maxForm is how large the form of an action may be, in bytes.
const maxForm = 64 << 10

// action does what a button of the page says, and leads back to the page.
func (s *Server) action(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.sorry(w, http.StatusBadRequest, "The form cannot be read.")
		return
	}
	if err := s.mayAct(r); err != nil {
		s.refuse(r, "an action: "+err.Error())
		s.failed(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(admin.By(r.Context(), string(readerOf(r))), actTime)
	defer cancel()
	to, err := s.do(ctx, r.PathValue("action"), r.PostForm)
	if err != nil {
		s.failed(w, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther) // do begins it with a path of our own.
}

// mayAct returns why a request may not do anything, nil if it may.
func (s *Server) mayAct(r *http.Request) error {
	if !fromPage(r) {
		return refusal(http.StatusForbidden, "it did not come from this page: it has no Origin of this address")
	}
	if !equal(r.PostForm.Get("token"), s.access.act) {
		return refusal(http.StatusForbidden, "it does not have this process's token: reload the page and try again")
	}
	from := peerAt(r)
	switch {
	case s.opts.Below != nil && from.known && s.opts.Below(from.inode):
		return refusal(http.StatusForbidden, "servers behind the gateway, and what they start, may not operate it")
	case s.opts.Below != nil && from.hides():
		return refusal(http.StatusForbidden, "it came from this machine, and whose process sent it is not known: keep the connection open until the answer")
	case readerOf(r) == byReach && (!from.known || from.uid != s.opts.UID && from.uid != 0):
		return refusal(http.StatusForbidden, "it is not known to be the gateway's own user: open the page by “gatehouse ops open”")
	}
	return nil
}

// do carries out one action and returns where to go on.
func (s *Server) do(ctx context.Context, name string, form url.Values) (to string, err error) {
	server, action := form.Get("server"), admin.Action(name)
	var hold admin.Hold
	switch action {
	case admin.Restart, admin.Release:
	case admin.HoldServer:
		hold.Why = form.Get("reason")
		if span := form.Get("for"); span != "" {
			d, err := time.ParseDuration(span)
			if err != nil || d < time.Millisecond {
				return "", refusal(http.StatusBadRequest, "%q is not how long to hold: write 30m, 2h or the like, or nothing", span)
			}
			hold.ForMS = d.Milliseconds()
		}
	case admin.MoveServer:
		return "", refusal(http.StatusNotFound, "the page moves no servers: use “gatehouse move”")
	case admin.ApplyFleet:
		return "", refusal(http.StatusNotFound, "the page applies no files: use “gatehouse apply”")
	default:
		if name == "reload" {
			if _, err := s.opts.Gateway.Reload(ctx); err != nil {
				return "", err
			}
			return "/reloads?did=reload", nil
		}
		return "", refusal(http.StatusNotFound, "there is no action %q", name)
	}
	if server == "" {
		return "", refusal(http.StatusBadRequest, "the form names no server")
	}
	if _, err := s.opts.Gateway.Operate(ctx, action, server, hold); err != nil {
		return "", err
	}
	return "/server?" + url.Values{"name": {server}, "did": {name}}.Encode(), nil
}

// failed says why an action was refused or failed.
func (s *Server) failed(w http.ResponseWriter, err error) {
	status, text := http.StatusInternalServerError, "The gateway failed; its log says why."
	if f, ok := errors.AsType[*failure](err); ok {
		status, text = f.status, "Refused: "+f.text+"."
	} else if e, ok := errors.AsType[*admin.Error](err); ok {
		status, text = e.Status, "Refused: "+e.Message
	} else if errors.Is(err, context.DeadlineExceeded) {
		status, text = http.StatusGatewayTimeout, "It has not happened within 10 seconds; it may still."
	} else {
		s.opts.Log.Warn("an operator's action failed", slog.Any("err", err))
	}
	s.sorry(w, status, text)
}
