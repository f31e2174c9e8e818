package front

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// levelWait is how long a call waits for its server to be asked for log messages.
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
