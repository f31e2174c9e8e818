package main

import (
	"strings"

	"gatehouse/internal/snapshot"
)

// instancesOf are the ways to the instances of a server, under the names that they
// have in logs and in status: "files[backend]".
func instancesOf(r *snapshot.Route) []*snapshot.Route {
	var list []*snapshot.Route
	for _, cell := range r.Cell.Instances().List() {
		in := &snapshot.Route{Entry: r.Entry, Cell: cell, Redact: cell.Instance().Redact}
		in.Entry.Name += cell.Instance().Label
		list = append(list, in)
	}
	return list
}

// serverOrInstance is the way to the server, or to the running instance of one, that
// has a name in status.
func serverOrInstance(snap *snapshot.Snapshot, name string) (*snapshot.Route, bool) {
	r, ok := routeOf(snap, name)
	if !ok || r.Entry.Name == name {
		return r, ok
	}
	for _, in := range instancesOf(r) {
		if in.Entry.Name == name {
			return in, true
		}
	}
	return nil, false
}

// routeOf is the way to the server with a name, or to that of whose instances one
// has it.
func routeOf(snap *snapshot.Snapshot, name string) (*snapshot.Route, bool) {
	if r, ok := snap.Route(name); ok {
		return r, true
	}
	at := strings.LastIndexAny(name, "[#")
	if at < 0 {
		return nil, false
	}
	r, ok := snap.Route(name[:at])
	return r, ok && r.Cell.Instances() != nil
}
