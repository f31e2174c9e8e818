package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/policy"
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

// toolsListed hears when a server has listed its tools, from the goroutine that did: the
// catalog is the one that was listed, even if the next one comes at once.
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
	r, ok := routeOf(a.store.Load(), name)
	if !ok {
		return
	}
	if catalog := r.Cell.Catalog(); catalog.Known && catalog.Err == "" && !catalog.Kept {
		a.listings.add(a.reapers.Go, func() {
			a.compareTools(r.Entry.Name, r, catalog)
			a.keeping.keep(r.Cell.Identity().Spec, catalog)
		})
	}
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
	event.Access = a.tellAccess(r, changes)
	a.event(event)
}

// tellAccess tells the audit log and the status who may use a tool now, or no longer,
// because its server says something else of it; and returns it for the first few.
func (a *app) tellAccess(r *snapshot.Route, changes []toolbook.Change) (first []string) {
	rules, told := a.store.Load().Policy, 0
	for _, c := range changes {
		if c.Kind != toolbook.Changed || told == maxAudited {
			continue
		}
		gained, lost := rules.Affected(r.Entry.Name, c.Tool, c.Before, c.After)
		if len(gained)+len(lost) == 0 {
			continue
		}
		told++
		text := accessText(c, gained, lost)
		a.toolbook.Affect(r.Cell.Identity().Spec, c, text)
		a.audit.Note(audit.Event{Kind: audit.Tools, Action: "access", Server: r.Entry.Name, Tool: c.Tool, Hash: c.Hash, Was: c.Was, Reason: text})
		if len(first) < maxNamed {
			first = append(first, text)
		}
	}
	return first
}

// accessText says what a tool's server says of it now, and whose use of it that
// changes.
func accessText(c toolbook.Change, gained, lost []string) string {
	text := fmt.Sprintf("%s is %s now", terminal.Line(c.Tool), c.Before.ChangedTo(c.After))
	if c.After&policy.Known == 0 {
		text = terminal.Line(c.Tool) + " has annotations that cannot be read now"
	}
	if len(gained) > 0 {
		text += ": allowed to " + someOf(gained)
	}
	if len(lost) > 0 {
		text += ": no longer allowed to " + someOf(lost)
	}
	return text
}

// someOf lists the first few names.
func someOf(names []string) string {
	text := strings.Join(names[:min(len(names), maxNamed)], ", ")
	if more := len(names) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
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

// toolChanges returns how many definitions of a server changed, and the latest that
// changed who may use a tool, the latest first.
func (o *operator) toolChanges(r *snapshot.Route) (total uint64, access []string) {
	latest, total := o.app.toolbook.Changes(r.Cell.Identity().Spec)
	for _, c := range slices.Backward(latest) {
		if c.Access != "" && len(access) < maxNamed {
			access = append(access, c.Access)
		}
	}
	return total, access
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
				Access: c.Access,
			})
		}
	}
	return out, nil
}
