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

// Servers expands every entry, in the order of the file. Each file is read
// once, so that all entries see the same content. An entry that cannot be
// expanded is part of the result, with its Problem; a disabled one is not
// expanded at all.
func Servers(servers serversfile.File, env Env) []Server {
	env.ReadFile = once(env.ReadFile)
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
		Headers: e.Headers,
	}
}

// once remembers what read gave for each path.
func once(read func(string) ([]byte, error)) func(string) ([]byte, error) {
	type content struct {
		src []byte
		err error
	}
	seen := map[string]content{}
	return func(path string) ([]byte, error) {
		c, known := seen[path]
		if !known {
			c.src, c.err = read(path)
			seen[path] = c
		}
		return c.src, c.err
	}
}
