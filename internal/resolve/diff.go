package resolve

import (
	"maps"
	"reflect"
	"slices"

	"gatehouse/internal/policy"
	"gatehouse/internal/serversfile"
)

// Changes is what must happen to get from one set of servers to another. All
// lists are sorted by name; a server is in exactly one of them.
type Changes struct {
	Added     []string
	Removed   []string
	Changed   []ChangedServer
	Updated   []string // settings, description or spelling only: the process goes on
	Unchanged []string
}

// ChangedServer says what changed of a server that needs a new process or
// connection.
type ChangedServer struct {
	Name string `json:"name"`
	// Fields are among transport, command, args, env, cwd, url, headers,
	// auth, envFile, env_pass, scope and disabled, in this order.
	Fields []string `json:"fields"`
	// Variables are the names of the variables whose values changed, sorted.
	Variables []string `json:"variables,omitempty"`
}

// Diff reports what must change to get from old to new. It shares no memory
// with either and performs no effects. A server that was renamed is a removal
// and an addition. Values never appear in the result.
func Diff(old, new []Server) Changes {
	before, after := byName(old), byName(new)
	var c Changes
	for _, name := range slices.Sorted(maps.Keys(after)) {
		previous, existed := before[name]
		next := after[name]
		switch {
		case !existed:
			c.Added = append(c.Added, name)
		case previous.Fingerprint != next.Fingerprint:
			c.Changed = append(c.Changed, changed(previous, next))
		case !sameEntry(previous.Entry, next.Entry):
			c.Updated = append(c.Updated, name)
		default:
			c.Unchanged = append(c.Unchanged, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, stays := after[name]; !stays {
			c.Removed = append(c.Removed, name)
		}
	}
	return c
}

func byName(list []Server) map[string]Server {
	m := make(map[string]Server, len(list))
	for _, r := range list {
		m[r.Entry.Name] = r
	}
	return m
}

// sameEntry compares entries as written, but not where they are written.
func sameEntry(a, b serversfile.Entry) bool {
	a.Pos, b.Pos = policy.Position{}, policy.Position{}
	return reflect.DeepEqual(a, b)
}

// changed names the fields and variables in which two versions of a server
// differ.
func changed(old, new Server) ChangedServer {
	c := ChangedServer{Name: new.Entry.Name}
	variables := changedVariables(old.References, new.References)
	expanded := old.Problem == "" && new.Problem == "" && !old.Entry.Disabled && !new.Entry.Disabled
	for _, f := range fields {
		differs := !reflect.DeepEqual(f.written(old.Entry), f.written(new.Entry))
		if f.resolved != nil && expanded {
			differs = !reflect.DeepEqual(f.resolved(old.Spec), f.resolved(new.Spec))
		}
		// When one of them could not be expanded, the variables tell.
		if f.resolved != nil && !expanded {
			differs = differs || len(variables[f.name]) > 0
		}
		if !differs {
			continue
		}
		c.Fields = append(c.Fields, f.name)
		c.Variables = append(c.Variables, variables[f.name]...)
	}
	slices.Sort(c.Variables)
	c.Variables = slices.Compact(c.Variables)
	return c
}

// fields are those whose change needs a new process or connection, and how to
// find them in an entry and in a spec.
var fields = []struct {
	name     string
	written  func(serversfile.Entry) any
	resolved func(Spec) any
}{
	{"transport", func(e serversfile.Entry) any { return e.Transport }, func(s Spec) any { return s.Transport }},
	{"command", func(e serversfile.Entry) any { return e.Command }, func(s Spec) any { return s.Command }},
	{"args", func(e serversfile.Entry) any { return e.Args }, func(s Spec) any { return s.Args }},
	{"env", func(e serversfile.Entry) any { return e.Env }, func(s Spec) any { return s.Env }},
	{"cwd", func(e serversfile.Entry) any { return e.Cwd }, func(s Spec) any { return s.Cwd }},
	{"url", func(e serversfile.Entry) any { return e.URL }, func(s Spec) any { return s.URL }},
	{"headers", func(e serversfile.Entry) any { return e.Headers }, func(s Spec) any { return s.Headers }},
	{"auth", func(e serversfile.Entry) any { return e.Auth }, func(s Spec) any { return s.Auth }},
	{"envFile", func(e serversfile.Entry) any { return e.EnvFile }, nil},
	{"env_pass", func(e serversfile.Entry) any { return e.Settings.EnvPass }, nil},
	{"scope", func(e serversfile.Entry) any { return e.Settings.Scope }, func(s Spec) any { return s.Scope }},
	{"disabled", func(e serversfile.Entry) any { return e.Disabled }, nil},
}

// changedVariables lists, for each field, the variables that have another
// value than before.
func changedVariables(old, new []Reference) map[string][]string {
	before := map[[2]string]Reference{}
	for _, r := range old {
		before[[2]string{r.Field, r.Variable}] = r
	}
	changed := map[string][]string{}
	for _, r := range new {
		was, used := before[[2]string{r.Field, r.Variable}]
		if used && (was.value != r.value || was.set != r.set) {
			changed[r.Field] = append(changed[r.Field], r.Variable)
		}
	}
	return changed
}
