package gate

import (
	"encoding/json"
	"slices"
	"sync"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/find"
	"gatehouse/internal/front"
	"gatehouse/internal/snapshot"
)

// maxViews is how many agents' views are kept ready.
const maxViews = 64

// finder keeps the words of the servers' tools ready for searches. They are read
// by the first search after a server's list, a server, or the rules have changed:
// calls pay nothing for them. Its methods may be called from any goroutine; they
// compute, and wait for nothing else.
type finder struct {
	mu      sync.Mutex
	servers map[string]readServer
	index   *find.Index
	views   []readyView // the latest used last
}

// readServer is what was read of one server's list.
type readServer struct {
	catalog *endpoint.Catalog
	about   string
	docs    *find.Docs
}

// readyView is what one agent may use by one snapshot.
type readyView struct {
	snapshot *snapshot.Snapshot
	agent    string
	view     *find.View
}

func newFinder() *finder { return &finder{servers: map[string]readServer{}} }

// search ranks the tools that the agent may use, of one server only unless that
// is "".
func (f *finder) search(a *front.Attempt, query, server string, limit int) foundTools {
	view, lists := f.view(a.Snapshot, a.Agent)
	found := foundTools{Result: view.Search(query, server, limit)}
	for _, h := range found.Hits {
		found.tools = append(found.tools, foundTool{h.Server, lists[h.Server].Tools[h.At]})
	}
	return found
}

// view is what an agent may use by a snapshot, all tools for "", and the lists
// that it was read from.
func (f *finder) view(snap *snapshot.Snapshot, agent string) (*find.View, map[string]*endpoint.Catalog) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh(snap)
	lists := make(map[string]*endpoint.Catalog, len(f.servers))
	for name, s := range f.servers {
		lists[name] = s.catalog
	}
	return f.ready(snap, agent), lists
}

// ready returns the agent's view, and keeps it as the one used last.
func (f *finder) ready(snap *snapshot.Snapshot, agent string) *find.View {
	v := readyView{snapshot: snap, agent: agent}
	if at := slices.IndexFunc(f.views, func(v readyView) bool { return v.snapshot == snap && v.agent == agent }); at >= 0 {
		v = f.views[at]
		f.views = slices.Delete(f.views, at, at+1)
	} else {
		v.view = f.index.View(func(server, tool string) bool {
			// No call could name a longer one.
			return len(tool) <= maxNameBytes && (agent == "" || endpoint.DecideTool(snap.Policy, agent, server, tool, f.servers[server].catalog).Allow)
		})
	}
	if f.views = append(f.views, v); len(f.views) > maxViews {
		f.views = slices.Delete(f.views, 0, 1)
	}
	return v.view
}

// refresh reads what has changed since the last search: the servers that are
// there, their lists and their descriptions.
func (f *finder) refresh(snap *snapshot.Snapshot) {
	changed := f.index == nil
	for _, name := range snap.Names() {
		changed = f.read(snap, name) || changed
	}
	for name := range f.servers {
		if _, ok := snap.Route(name); !ok {
			delete(f.servers, name)
			changed = true
		}
	}
	if !changed {
		return
	}
	var docs []*find.Docs
	for _, s := range f.servers {
		docs = append(docs, s.docs)
	}
	f.index, f.views = find.New(docs), nil
}

// read reads one server's list, if it has another one than before.
func (f *finder) read(snap *snapshot.Snapshot, name string) bool {
	r, _ := snap.Route(name)
	catalog := r.Cell.Catalog()
	before, known := f.servers[name]
	if known && before.catalog == catalog && before.about == r.Entry.Description {
		return false
	}
	raw := make([]json.RawMessage, len(catalog.Tools))
	for i, t := range catalog.Tools {
		raw[i] = t.Raw
	}
	f.servers[name] = readServer{catalog, r.Entry.Description, find.Read(find.Server{
		Name: name, Description: r.Entry.Description, Tools: find.Definitions(raw),
	})}
	return true
}
