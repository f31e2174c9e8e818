package surface

import (
	"encoding/json"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// The extensions of MCP that pass.
const (
	extensionTasks = "io.modelcontextprotocol/tasks"
	extensionApps  = "io.modelcontextprotocol/ui"
)

// tasksRevision is the one revision that has tasks without the extension.
const tasksRevision = "2025-11-25"

// declared is the value of an extension that a client declares; nil if it does not.
func declared(capabilities json.RawMessage, extension string) json.RawMessage {
	value := rawjson.Get(rawjson.Get(capabilities, "extensions"), extension)
	if rawjson.First(value) != '{' {
		return nil
	}
	return value
}

// extensions are those of the caller's that a server is shown: what follows from
// them reaches the caller. nil are none.
func (v *visit) extensions(withTasks bool) json.RawMessage {
	if v.r.Capabilities == nil || v.caller.Protocol < endpoint.StatelessRevision {
		return nil
	}
	var out json.RawMessage
	for _, extension := range []string{extensionTasks, extensionApps} {
		if extension == extensionTasks && !withTasks {
			continue
		}
		value := declared(v.r.Capabilities, extension)
		switch {
		case value == nil:
		case out == nil:
			out = rawjson.Set([]byte("{}"), extension, value)
		default:
			out = rawjson.Set(out, extension, value)
		}
	}
	return out
}

// extended are the capabilities of a server's surface with the extensions that pass
// between this server and this caller.
func (o *One) extended(capabilities json.RawMessage, a *front.Attempt, caller agents.Caller) json.RawMessage {
	theirs := json.RawMessage(a.Server.Capability("extensions"))
	stateless := caller.Protocol >= endpoint.StatelessRevision
	var passing json.RawMessage
	pass := func(extension string, value json.RawMessage) {
		if passing == nil {
			passing = []byte("{}")
		}
		passing = rawjson.Set(passing, extension, value)
	}
	if value := rawjson.Get(theirs, extensionTasks); o.gateway.Tasks != nil && stateless && a.Server.Stateless() && rawjson.First(value) == '{' {
		pass(extensionTasks, []byte("{}"))
	}
	if value := rawjson.Get(theirs, extensionApps); caller.Protocol >= tasksRevision && rawjson.First(value) == '{' {
		pass(extensionApps, value)
	}
	o.passedExtensions(a, theirs, pass)
	if passing != nil {
		capabilities = rawjson.Set(capabilities, "extensions", passing)
	}
	if o.gateway.Tasks != nil && caller.Protocol == tasksRevision && a.Server.TakesTasks() {
		capabilities = rawjson.Set(capabilities, "tasks", oldTasks(rawjson.Get(a.Server.Capability("tasks"), "cancel") != nil))
	}
	return capabilities
}

// oldTasks is the capability by which clients of 2025-11-25 know that they may ask
// for tasks.
func oldTasks(cancel bool) json.RawMessage {
	if !cancel {
		return []byte(`{"list":{},"requests":{"tools":{"call":{}}}}`)
	}
	return []byte(`{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}`)
}

// extended are the capabilities of the surface of all servers with the extensions
// that pass, if a server has them.
func (g Gateway) extended(capabilities json.RawMessage, caller agents.Caller) json.RawMessage {
	switch {
	case g.Tasks == nil:
	case caller.Protocol == tasksRevision:
		capabilities = rawjson.Set(capabilities, "tasks", oldTasks(true))
	case caller.Protocol >= endpoint.StatelessRevision:
		capabilities = rawjson.Set(capabilities, "extensions", []byte(`{"`+extensionTasks+`":{}}`))
	}
	return capabilities
}
