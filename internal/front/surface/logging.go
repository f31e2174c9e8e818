package surface

import (
	"encoding/json"
	"slices"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// loggerKey is under what the wish for a server's log messages is held in an inbox.
type loggerKey struct{ server string }

// notALevel says what is wrong with the params of logging/setLevel.
const notALevel = "params.level must be a level of log messages: debug, info, notice, warning, error, critical, alert or emergency"

// needsSession says that there is nobody to tell.
const needsSession = "log messages need a session: initialize one, and send its Mcp-Session-Id"

// wantedLevel returns the level that a logging/setLevel asks for, or why it cannot
// be set.
func (v *visit) wantedLevel() (level endpoint.Level, why string) {
	level = endpoint.LevelNamed(rawjson.Text(rawjson.Get(v.r.Params, "level")))
	switch {
	case level == 0:
		return 0, notALevel
	case v.caller.Inbox == nil:
		return 0, needsSession
	}
	return level, ""
}

// setLevel has the client's session hear log messages of the server.
func (o *One) setLevel(v visit) ([]byte, *agents.Error) {
	level, why := v.wantedLevel()
	if why != "" {
		return v.refuse(why)
	}
	var c front.Call
	v.begin(&c, o.server, &tools, "")
	defer v.Router.Finish(&c)
	a, err := v.Router.Introduce(v.ctx, &c)
	if err != nil {
		return v.dst, failed(c.End(err), rpcInvalidParams)
	}
	if a.Server.Capability("logging") == nil {
		_ = c.End(&front.Failure{Code: front.CodeInvalidArgument})
		return v.dst, unknownMethod(v.r.Method)
	}
	v.caller.Inbox.SetLevel(level)
	err = o.gateway.log(v.caller, o.server, a.Route.Cell.Notices(), level, nil)
	if fail := c.End(err); fail != nil {
		return v.dst, failed(fail, rpcInvalidParams)
	}
	a.AwaitLevel(v.ctx, level, o.server)
	return append(v.dst, "{}"...), nil
}

// setLevel has the client's session hear log messages of all servers that its agent
// may use, of those that come later too.
func (s *All) setLevel(v visit) ([]byte, *agents.Error) {
	level, why := v.wantedLevel()
	if why != "" {
		return v.refuse(why)
	}
	var c front.Call
	v.begin(&c, "", &tools, "")
	defer v.Router.Finish(&c)
	a, err := v.Router.Identify(v.ctx, &c)
	if err != nil {
		return v.dst, failed(c.End(err), rpcInvalidParams)
	}
	v.caller.Inbox.SetLevel(level)
	s.Renew(v.caller)
	_ = c.End(nil)
	a.AwaitLevel(v.ctx, level, slices.Collect(a.Servers())...)
	return append(v.dst, "{}"...), nil
}

// Renew has a session that wants log messages hear those of servers that have come.
func (s *All) Renew(c agents.Caller) {
	level := c.Inbox.Level()
	if level == 0 {
		return
	}
	a, ok := s.gateway.Router.Seen(c)
	if !ok {
		return
	}
	for server := range a.Servers() {
		if notices, there := a.Notices(server); there {
			_ = s.gateway.log(c, server, notices, level, markOf(server)) // One without room hears less.
		}
	}
}

// markOf is what is added to the _meta of a log message where those of several
// servers come together.
func markOf(server string) json.RawMessage { return rawjson.AppendString(nil, server) }

// log has an inbox hear log messages of a server. mark, unless nil, is put into their
// _meta.
func (g Gateway) log(c agents.Caller, server string, notices *endpoint.Notices, level endpoint.Level, mark json.RawMessage) error {
	held, err := c.Inbox.Hold(loggerKey{server}, func() (agents.Held, error) {
		return notices.Log(level, func(params json.RawMessage) {
			a, ok := g.Router.Seen(c)
			if !ok || !a.Offers(server) {
				return
			}
			if mark != nil {
				params = marked(params, mark)
			}
			c.Inbox.Put(endpoint.NoticeLogged, params)
		}), nil
	})
	if err != nil {
		return &front.Failure{Code: front.CodeOverloaded, Message: "Not set: " + err.Error() + "."}
	}
	if l, ok := held.(*endpoint.Logger); ok {
		l.Set(level)
	}
	return nil
}

// marked is a log message that says whose it is.
func marked(params, server json.RawMessage) json.RawMessage {
	meta := rawjson.Get(params, "_meta")
	if rawjson.First(meta) != '{' {
		meta = json.RawMessage("{}")
	}
	return rawjson.Set(params, "_meta", rawjson.Set(meta, endpoint.OwnMeta+"server", server))
}
