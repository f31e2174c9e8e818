package servers

import (
	"context"
	"encoding/json"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
)

// listKind is how a list is asked for, and what its items are.
type listKind struct {
	method, member string
	plural         string   // of an item, in messages
	key            string   // the member that names an item
	names          []string // the members of an item that agents go by
	// optional says that a server need not know the method though it declares the
	// capability.
	optional bool
}

var toolsKind = &listKind{
	method: methodToolsList, member: "tools", plural: "tools", key: "name",
	names: []string{"name", "title", "description", "inputSchema", "outputSchema", "annotations", "_meta"},
}

var listKinds = [endpoint.Lists]*listKind{
	endpoint.Tools: toolsKind,
	endpoint.Resources: {
		method: "resources/list", member: "resources", plural: "resources", key: "uri",
		names: []string{"uri", "name", "title", "description", "mimeType", "annotations", "size", "_meta"},
	},
	endpoint.Templates: {
		method: "resources/templates/list", member: "resourceTemplates", plural: "resource templates", key: "uriTemplate",
		names: []string{"uriTemplate", "name", "title", "description", "mimeType", "annotations", "_meta"}, optional: true,
	},
	endpoint.Prompts: {
		method: "prompts/list", member: "prompts", plural: "prompts", key: "name",
		names: []string{"name", "title", "description", "arguments", "_meta"},
	},
}

// ReadList reads a list to its end, as ListTools reads that of the tools. ttl is
// how long the server lets it be kept, in milliseconds.
func ReadList(ctx context.Context, session endpoint.Session, list endpoint.List) (items []endpoint.Tool, ttl int64, err error) {
	if !session.Info().Has(list) {
		return nil, 0, nil
	}
	l, err := readPages(ctx, session, listKinds[list])
	return l.tools, l.ttl, err
}

// The notifications by which servers announce changes of lists but the tools.
var changedLists = map[string][]endpoint.List{
	"notifications/resources/list_changed": {endpoint.Resources, endpoint.Templates},
	"notifications/prompts/list_changed":   {endpoint.Prompts},
}

// listenParams asks for changes of the lists that the server announces.
func listenParams(info endpoint.ServerInfo) []byte {
	params := []byte(`{"notifications":{`)
	comma := ""
	for _, l := range []endpoint.List{endpoint.Tools, endpoint.Resources, endpoint.Prompts} {
		if info.Announces(l) {
			params = append(append(append(append(params, comma...), '"'), l.Capability()...), `ListChanged":true`...)
			comma = ","
		}
	}
	return append(params, "}}"...)
}

// announcesAny reports whether the server announces changes of any list.
func announcesAny(info endpoint.ServerInfo) bool {
	return info.Announces(endpoint.Tools) || info.Announces(endpoint.Resources) || info.Announces(endpoint.Prompts)
}

// speaksUnasked reports whether a server may say something beside changes of lists
// that is not part of a request.
func speaksUnasked(info endpoint.ServerInfo) bool {
	return info.Subscribable() || info.Capability("logging") != nil || info.TakesTasks()
}

// noticed has a hook hear of notifications that agents may have asked for.
func noticed(m jsonrpc.Message, hear func(string, json.RawMessage)) {
	if name := m.Name(); m.Params != nil && (name == endpoint.NoticeUpdated || name == endpoint.NoticeLogged || name == endpoint.NoticeTaskOld) {
		hear(name, endpoint.WithoutOwnMeta(m.Params))
	}
}

// announced has a hook hear of changes of lists but the tools.
func announced(method string, changed func(endpoint.List)) {
	for _, l := range changedLists[method] {
		changed(l)
	}
}

// anyChanged has both hooks hear that whatever a server lists may have changed.
func anyChanged(tools func(), other func(endpoint.List)) {
	tools()
	for _, lists := range changedLists {
		for _, l := range lists {
			other(l)
		}
	}
}
