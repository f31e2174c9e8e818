package main

import (
	"net/http"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/terminal"
	"gatehouse/internal/toolbook"
	"gatehouse/messages"
)

// The limits of what one list of tools makes of its changes.
const (
	maxNamed   = 5  // names of each kind in the log line
	maxAudited = 50 // lines in the audit log, of which the last stands for the rest
)

// knownTools is what gateways of this user have seen of servers' definitions.
func knownTools() *toolbook.Book { return toolbook.Open(stateFolder(), terminal.Line) }

// toolsListed hears when a server has listed its tools.
func (a *app) toolsListed(e any) {
	name := ""
	switch e := e.(type) {
	case messages.ServerReady:
		name = e.Server
	case messages.ToolsListed:
		name = e.Server
	default:
		return
	}
	a.reapers.Go(func() {
		r, ok := a.store.Load().Route(name)
		if !ok {
			return
		}
		if catalog := r.Cell.Catalog(); catalog.Known && catalog.Err == "" && !catalog.Kept {
			a.compareTools(name, r, catalog)
			a.lists.Keep(r.Cell.Identity().Spec, catalog, time.Now())
		}
	})
}

// compareTools looks whether a server's definitions are those it had, and tells
// the log and the audit log if they are not.
func (a *app) compareTools(name string, r *snapshot.Route, catalog *endpoint.Catalog) {
	list := make([]toolbook.Definition, len(catalog.Tools))
	for i, t := range catalog.Tools {
		list[i] = toolbook.Definition{Name: t.Name, Raw: t.Raw}
	}
	changes := a.toolbook.Note(r.Cell.Identity().Spec, list, time.Now())
	if len(changes) == 0 {
		return
	}
	event, rest := messages.ToolsChanged{Server: name, Count: len(changes)}, uint64(len(changes))
	for i, c := range changes {
		c.Words = r.Redact.String(c.Words)
		tell(&event, c)
		switch {
		case i < maxAudited-1 || len(changes) == maxAudited:
			a.audit.Note(audit.Event{Kind: audit.Tools, Action: string(c.Kind), Server: name, Tool: c.Tool, Hash: c.Hash, Was: c.Was, Reason: c.Words})
		case i == maxAudited-1:
			a.audit.Note(audit.Event{Kind: audit.Tools, Action: "more", Server: name, Count: rest})
		}
		rest--
	}
	a.event(event)
}

// tell takes a change into the log's line.
func tell(e *messages.ToolsChanged, c toolbook.Change) {
	names := &e.Changed
	switch c.Kind {
	case toolbook.New:
		names = &e.New
	case toolbook.Removed:
		names = &e.Removed
	case toolbook.Changed:
		if e.Words == "" {
			e.Words = c.Words
		}
	}
	if len(*names) < maxNamed {
		*names = append(*names, c.Tool)
	}
}

// ToolChanges implements admin.Gateway.
func (o *operator) ToolChanges(server string) ([]admin.ToolChange, error) {
	snap := o.app.store.Load()
	names := snap.Names()
	if server != "" {
		if _, ok := snap.Route(server); !ok {
			return nil, &admin.Error{Status: http.StatusNotFound, Message: noServer(server, names)}
		}
		names = []string{server}
	}
	out := []admin.ToolChange{}
	for _, name := range names {
		r, _ := snap.Route(name)
		latest, _ := o.app.toolbook.Changes(r.Cell.Identity().Spec)
		for _, c := range latest {
			out = append(out, admin.ToolChange{
				At: c.At, Server: name, Tool: c.Tool, Change: string(c.Kind), Was: c.Was, Hash: c.Hash, Words: r.Redact.String(c.Words),
			})
		}
	}
	return out, nil
}
