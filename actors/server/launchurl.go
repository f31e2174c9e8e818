package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/login"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/shellword"
	"gatehouse/internal/vars"
	"gatehouse/messages"
)

// openURL opens a session with a url server. What a login has brought is read anew
// with each: a person may just have logged in.
func (l *Launcher) openURL(ctx context.Context, plan messages.ServerPlan, hooks Hooks) (endpoint.Session, error) {
	opts := servers.HTTPOptions{
		URL: plan.Spec.URL, Shown: vars.ShownURL(plan.Entry.URL), Headers: plan.Spec.Headers,
		Transport: servers.Transport(cmp.Or(plan.Spec.Transport, serversfile.Auto)), Version: l.version,
		MaxMessageBytes: plan.Entry.Settings.MaxResultBytes, OnToolsChanged: hooks.ToolsChanged, OnListChanged: hooks.ListChanged, OnNotice: hooks.Notice,
		Era: l.era(plan), OnEra: l.noteEra(plan), Client: plan.Cell.Client(), AskTimeout: plan.Entry.Settings.CallTimeout, OnRenewed: hooks.Renewed, Redact: plan.Redact.String, Budget: l.Budget,
	}
	if c := l.Logins.Of(LoginTarget(plan.Entry, plan.Spec)); c != nil {
		opts.Credentials = c
	}
	session, err := servers.OpenHTTP(ctx, opts)
	if err != nil {
		return nil, urlExit(endpoint.Handshake, plan, err)
	}
	return &urlSession{Session: session, plan: plan}, nil
}

// LoginTarget returns what is logged in to for an entry.
func LoginTarget(e serversfile.Entry, spec resolve.Spec) login.Target {
	return login.Target{Name: e.Name, URL: spec.URL, Shown: vars.ShownURL(e.URL), Headers: spec.Headers, Auth: spec.Auth}
}

// urlSession words the end of a url server's session as an exit.
type urlSession struct {
	endpoint.Session
	plan messages.ServerPlan
}

// Err implements endpoint.Session.
func (s *urlSession) Err() error {
	err := s.Session.Err()
	if err == nil || errors.Is(err, endpoint.ErrStopped) {
		return err
	}
	return urlExit(endpoint.Serving, s.plan, err)
}

func urlExit(phase endpoint.Phase, plan messages.ServerPlan, err error) *endpoint.Exit {
	exit := &endpoint.Exit{Phase: phase, Reason: plan.Redact.String(err.Error()), At: time.Now()}
	if paused, ok := errors.AsType[*servers.Paused](err); ok {
		exit.Pause = paused.For
	}
	if refused, ok := errors.AsType[*servers.Unauthorized](err); ok {
		exit.Phase = endpoint.Unauthorized
		exit.Reason = plan.Redact.String(refused.Error()) + "; " + authCure(plan.Entry, refused.Login)
	}
	return exit
}

// authCure says what to do about a server that refuses what it was shown. login
// reports whether it asks for a login.
func authCure(e serversfile.Entry, login bool) string {
	const headers = "put valid credentials into the entry's headers"
	switch {
	case e.LogsIn() && login:
		return "log in with: " + shellword.Command("gatehouse login", "", e.Name)
	case e.LogsIn():
		return fmt.Sprintf("log in with: %s, or %s", shellword.Command("gatehouse login", "", e.Name), headers)
	case e.Auth.Type == serversfile.AuthClientCredentials:
		return `check the client_id and the client_secret in its "gateway": {"auth": ...}`
	}
	return headers
}
