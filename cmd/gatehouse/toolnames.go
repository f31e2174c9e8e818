package main

import (
	"fmt"
	"io"

	"gatehouse/internal/admin"
	"gatehouse/internal/front/surface"
)

// joinedName is a tool and its name on the surface of all servers.
type joinedName struct {
	Server string `json:"server"`
	Tool   string `json:"tool"`
	Name   string `json:"name"`
}

func joinedNames(tools admin.Tools) []joinedName {
	names := []joinedName{}
	for _, s := range tools.Servers {
		for _, t := range s.Tools {
			names = append(names, joinedName{s.Server, t.Name, surface.JoinedName(s.Server, t.Name)})
		}
	}
	return names
}

func printNames(w io.Writer, names []joinedName, asJSON bool) error {
	if asJSON {
		return writeJSON(w, names)
	}
	t := newTable(w)
	fmt.Fprintln(t, "SERVER\tTOOL\tNAME")
	for _, n := range names {
		fmt.Fprintf(t, "%s\t%s\t%s\n", line(n.Server), line(n.Tool), n.Name)
	}
	return t.Flush()
}
