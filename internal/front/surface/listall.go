package surface

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// allList is a list of all servers: what is in it, and how an item is shown.
type allList struct {
	kind   *front.Kind
	member string // of the result
	shown  func(server, name string, raw json.RawMessage) json.RawMessage
}

var (
	allTools = allList{&tools, "tools", func(server, name string, raw json.RawMessage) json.RawMessage {
		return withPage(renamed(server, name, raw), uriPrefix(server))
	}}
	allPrompts   = allList{&prompts, "prompts", renamed}
	allResources = allList{&resources, "resources", func(server, _ string, raw json.RawMessage) json.RawMessage {
		return withPrefix(raw, "uri", uriPrefix(server))
	}}
	allTemplates = allList{&templates, "resourceTemplates", func(server, _ string, raw json.RawMessage) json.RawMessage {
		return withPrefix(raw, "uriTemplate", uriPrefix(server))
	}}
)

// renamed is a definition under its joined name.
func renamed(server, name string, raw json.RawMessage) json.RawMessage {
	return rawjson.Set(raw, "name", rawjson.AppendString(nil, JoinedName(server, name)))
}

// shownView are the items of a server's list as they are shown.
type shownView struct {
	list   *allList
	server string
}

// items are those of a server that the agent may use, as they are shown. keep, if
// set, leaves out others.
func (l *allList) items(a *front.Attempt, server string, keep func(name string) bool) []json.RawMessage {
	r, ok := a.RouteTo(server)
	if !ok {
		return nil
	}
	catalog := r.Cell.Shown(l.kind.List)
	all, _ := a.Snapshot.Remember(shownView{l, server}, catalog.Replaced(), func() any {
		all := make(map[string]json.RawMessage, len(catalog.Tools))
		for _, item := range catalog.Tools {
			all[item.Name] = l.shown(server, item.Name, item.Raw)
		}
		return all
	}).(map[string]json.RawMessage)
	names := a.Permitted(l.kind, server, catalog)
	items := make([]json.RawMessage, 0, len(names))
	for _, name := range names {
		if keep == nil || keep(name) {
			items = append(items, all[name])
		}
	}
	return items
}

// A page has at most so many bytes and items, or one item.
const (
	maxPageBytes = 4 << 20
	maxPageItems = 5000
)

// listAll answers with what all servers list, as far as it is known, in pages: by
// the servers' names, of each in its own order. A server whose list is not known
// keeps nobody waiting but those that can say at once.
func (v *visit) listAll(l *allList) ([]byte, *agents.Error) {
	var c front.Call
	v.begin(&c, "", l.kind, "")
	defer v.Router.Finish(&c)
	a, err := v.Router.Identify(v.ctx, &c)
	if err != nil {
		return v.dst, failed(c.End(err), rpcInvalidParams)
	}
	v.Router.ReadLists(v.ctx, a, l.kind)
	from, ok := v.cursor(a, l)
	if !ok {
		_ = c.End(&front.Failure{Code: front.CodeInvalidArgument})
		return v.refuse(noCursor)
	}
	page, next := l.page(a, from)
	size := 0
	for _, item := range page {
		size += len(item) + 1
	}
	out, full := newList(v.dst, l.member, size, v.r)
	if full != nil {
		return v.dst, failed(c.End(full), rpcInvalidParams)
	}
	for _, item := range page {
		out.add(item)
	}
	_ = c.End(nil)
	out.cursor = next
	return out.end(v.caller, l.ttl(a), nil), nil
}

// ttl is for how long a list may be kept, in milliseconds: as long as that of each
// server.
func (l *allList) ttl(a *front.Attempt) int64 {
	ttl, some := int64(relay.MaxTTL), false
	for server := range a.Servers() {
		if r, ok := a.RouteTo(server); ok && len(a.Listed(l.kind, server)) > 0 {
			ttl, some = min(ttl, max(r.Cell.Listed(l.kind.List).TTL, 0)), true
		}
	}
	if !some {
		return 0
	}
	return ttl
}

// position is where a page begins: at an item of a server.
type position struct {
	server string
	at     int
}

// page are the items from a position on, and the cursor of the next page; "" if
// there is none.
func (l *allList) page(a *front.Attempt, from position) (page []json.RawMessage, next string) {
	size := 0
	for server := range a.Servers() {
		if server < from.server {
			continue
		}
		for i, item := range l.items(a, server, nil) {
			if server == from.server && i < from.at {
				continue
			}
			if size += len(item); len(page) > 0 && (size > maxPageBytes || len(page) == maxPageItems) {
				return page, cursorAt(position{server, i}, a.Mark(l.kind, server))
			}
			page = append(page, item)
		}
	}
	return page, ""
}

// cursorAt names a position in a list of a server that has a mark.
func cursorAt(p position, mark uint64) string {
	text := strconv.FormatUint(mark, 16) + " " + strconv.Itoa(p.at) + " " + p.server
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// cursor is where the request's cursor says that the page begins. ok is false for
// one that was not given by this gateway, or whose server's list is another now:
// an item could be lost or come twice.
func (v *visit) cursor(a *front.Attempt, l *allList) (from position, ok bool) {
	raw := rawjson.Get(v.r.Params, "cursor")
	if raw == nil || rawjson.IsNull(raw) {
		return position{}, true
	}
	text, err := base64.RawURLEncoding.DecodeString(rawjson.Text(raw))
	parts := strings.SplitN(string(text), " ", 3)
	if err != nil || len(parts) != 3 {
		return position{}, false
	}
	at, err := strconv.Atoi(parts[1])
	mark := a.Mark(l.kind, parts[2])
	if err != nil || at < 0 || mark == 0 || !a.Offers(parts[2]) || parts[0] != strconv.FormatUint(mark, 16) {
		return position{}, false
	}
	return position{parts[2], at}, true
}
