package front

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// levelWait is how long a call, or a wish, waits for its server to be asked for log messages.
const levelWait = 2 * time.Second

// listen has a call that wants log messages, and has no session that hears of them,
// hear what its server says meanwhile. It returns what ends that.
func (a *Attempt) listen(ctx context.Context, session endpoint.Session) (end func()) {
	c := a.call
	if _, elsewhere := session.(endpoint.Elsewhere); elsewhere {
		return func() {} // The gateway that runs the server does it, so that all comes ahead of the answer.
	}
	if c.Caller.Inbox != nil || a.Server.Capability("logging") == nil {
		return func() {}
	}
	notices := a.Route.Cell.Notices()
	logger := notices.Log(c.LogLevel, func(params json.RawMessage) { c.Notice(endpoint.NoticeLogged, params) })
	if !a.Server.Stateless() {
		soon, cancel := context.WithTimeout(ctx, levelWait)
		notices.AwaitLevel(soon, c.LogLevel)
		cancel()
	}
	return logger.Rest
}

// AwaitLevel blocks until those of the servers that are ready have been asked for log
// messages of that level, for two seconds at most: what a client then calls, it hears
// of. One that is not ready is asked when it is.
func (a *Attempt) AwaitLevel(ctx context.Context, level endpoint.Level, servers ...string) {
	soon, cancel := context.WithTimeout(ctx, levelWait)
	defer cancel()
	for _, server := range servers {
		r, ok := a.RouteTo(server)
		if !ok {
			continue
		}
		st := r.Cell.Status()
		if st.State != endpoint.Ready || st.Session.Info().Stateless() || st.Session.Info().Capability("logging") == nil {
			continue
		}
		if notices, there := a.Notices(server); there {
			notices.AwaitLevel(soon, level)
		}
	}
}

// noticed takes a notification of the server that belongs to the call alone.
func (a *Attempt) noticed(method string, params json.RawMessage) {
	c := a.call
	if method != endpoint.NoticeLogged || endpoint.LevelNamed(rawjson.Text(rawjson.Get(params, "level"))) < c.LogLevel {
		return
	}
	clean := a.Route.Redact.String(string(endpoint.WithoutOwnMeta(params)))
	if json.Valid([]byte(clean)) {
		c.Notice(method, json.RawMessage(clean))
	}
}
