package resolve

import (
	"strings"

	"gatehouse/internal/serversfile"
)

// Server is one entry after the expansion of its variables. It holds secrets
// and must never be logged.
type Server struct {
	Entry serversfile.Entry
	// Expansion has an empty Spec when the entry is disabled or has a Problem.
	Expansion
	// Problem says why the server is misconfigured, empty when it is not. It
	// names fields and variables, never values.
	Problem string
	// Fingerprint is equal for two versions of a server exactly when its
	// process or connection may go on.
	Fingerprint string
}

// Servers expands every entry, in the order of the file. An entry that cannot be
// expanded is part of the result, with its Problem; a disabled one is not
// expanded at all. See Unread for files that must be read first.
func Servers(servers serversfile.File, env Env) []Server {
	list := make([]Server, 0, len(servers.Entries))
	for _, e := range servers.Entries {
		list = append(list, server(e, env))
	}
	return list
}

func server(e serversfile.Entry, env Env) Server {
	r := Server{Entry: e}
	if e.Disabled {
		r.Fingerprint = fingerprint("disabled")
		return r
	}
	expansion, reasons := expand(e, env)
	r.Expansion = expansion
	if len(reasons) > 0 {
		r.Problem = strings.Join(reasons, "; ")
		// What is written counts too: a changed entry gets a new try in the
		// eyes of whoever waits for it.
		r.Fingerprint = fingerprint("misconfigured", r.Problem, specFingerprint(written(e)))
		return r
	}
	r.Fingerprint = specFingerprint(r.Spec)
	return r
}

// written is an entry's spec before expansion.
func written(e serversfile.Entry) Spec {
	return Spec{
		Transport: e.Transport, Command: e.Command, Args: e.Args, Env: e.Env, Cwd: e.Cwd, URL: e.URL,
		Headers: e.Headers, Scope: scopeOf(e), Auth: e.Auth,
	}
}

// Files lists the files that servers name, sorted and without doubles.
func Files(servers []Server) []string {
	return collect(servers, func(s Server) []string { return s.Files })
}

// Unread lists the files that must be read before the servers can be expanded,
// sorted and without doubles.
func Unread(servers []Server) []string {
	return collect(servers, func(s Server) []string { return s.Unread })
}

func collect(servers []Server, of func(Server) []string) []string {
	list := []string{}
	for _, s := range servers {
		list = append(list, of(s)...)
	}
	return sorted(list)
}
