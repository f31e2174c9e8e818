package adopt

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/clients"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/vars"
)

// Texts are the contents of the files; nil is a file that is not there, or
// that does not change. Keyring, the list of variables in the keyring, never does.
type Texts struct {
	Servers, Rules, Env, Keyring []byte
}

// Paths are their paths, for errors.
type Paths struct {
	Servers, Rules, Env, Keyring string
}

// State is what becomes of a server.
type State string

// The states of a Row.
const (
	New      State = "new"
	Same     State = "same"     // there already
	Conflict State = "conflict" // there are several, which differ
	LeftOut  State = "left out"
)

// Row is one server of one client.
type Row struct {
	Server string `json:"server"`
	Client string `json:"client"`
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	State  State  `json:"state"`
	// Agent is who may use it, several agents of another gateway with commas between
	// them; empty if nobody may.
	Agent string `json:"agent,omitempty"`
	// What is its command line or address, without secrets.
	What string `json:"what,omitempty"`
	Off  bool   `json:"off,omitempty"`
	// Written is its name in File.
	Written string `json:"-"`
}

// Choice is one of several servers of one name.
type Choice struct {
	// From is the client, or "gatehouse" for the owner's own entry.
	From string `json:"from"`
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	What string `json:"what"`
}

// Clash is a name that several servers have which differ.
type Clash struct {
	Server  string   `json:"server"`
	Choices []Choice `json:"choices"`
	// Fields are where they differ.
	Fields []string `json:"fields"`
}

// Plan is what an import would do.
type Plan struct {
	Rows    []Row
	Notes   []clients.Note
	Clashes []Clash // those that nobody has decided
	// Variables are the names of the secrets that move into the env file.
	Variables []string
	// Unset are variables that new entries name and neither the env file nor the keyring has.
	Unset []string
	// After are the new texts of the files that change.
	After Texts
}

// Grants reports whether the rules that the import would write have an agent.
func (p Plan) Grants(agent string) bool {
	if p.After.Rules == nil {
		return false
	}
	rules, _ := rulesfile.ParseRules("", p.After.Rules)
	return policy.Compile(rules).HasAgent(agent)
}

// Nobody is a decision for none of several servers.
const Nobody = -1

// Make plans the import of what was found. decided says by name which Choice of a
// Clash counts, or Nobody. An error means that one of the owner's files cannot be
// read: nothing may be written then.
func Make(paths Paths, before Texts, found []clients.Found, decided map[string]int) (Plan, error) {
	m, err := newMerger(paths, before)
	if err != nil {
		return Plan{}, err
	}
	for _, f := range found {
		m.plan.Notes = append(m.plan.Notes, f.Notes...)
	}
	for _, group := range groups(found) {
		m.group(group, decided)
	}
	m.leftover = m.leftBehind(found)
	if err := m.grant(found); err != nil {
		return Plan{}, err
	}
	if err := m.takeOver(found); err != nil {
		return Plan{}, err
	}
	return m.finish()
}

// merger is a Plan in the making.
type merger struct {
	paths  Paths
	before Texts
	plan   Plan
	texts  Texts

	entries map[string]serversfile.Entry
	rules   policy.Rules
	env     envFile
	keyring map[string]bool               // the variables that it has
	given   map[string]map[string]*access // by agent, by server
	added   []string                      // servers that are new
	// leftover are agents that an import has taken over which was killed before it had
	// written their servers: they count as if this one took them over.
	leftover map[string]bool
}

func newMerger(paths Paths, before Texts) (*merger, error) {
	m := &merger{paths: paths, before: before, texts: before, entries: map[string]serversfile.Entry{}, given: map[string]map[string]*access{}}
	var errs []error
	if before.Servers != nil {
		file, problems := serversfile.Parse(paths.Servers, before.Servers)
		errs = append(errs, problemOf(problems))
		for _, e := range file.Entries {
			m.entries[e.Name] = e
		}
	}
	m.rules.DenyOnMissingAgent = true
	if before.Rules != nil {
		rules, problems := rulesfile.ParseRules(paths.Rules, before.Rules)
		errs = append(errs, problemOf(problems))
		m.rules = rules
	}
	values := map[string]string{}
	if before.Env != nil {
		parsed, problems := vars.ParseDotenv(paths.Env, before.Env)
		errs = append(errs, problemOf(problems))
		values = parsed
	}
	kept, problems := vars.ParseKept(paths.Keyring, before.Keyring)
	errs = append(errs, problemOf(problems))
	m.keyring = make(map[string]bool, len(kept))
	for _, k := range kept {
		m.keyring[k.Name] = true
	}
	m.env = newEnvFile(values, m.namesInUse())
	return m, errors.Join(errs...)
}

// problemOf is the first error of a file of the owner's.
func problemOf(problems []jsondoc.Problem) error {
	for _, p := range problems {
		if p.Severity == jsondoc.Error {
			return fmt.Errorf("%s: fix it first (\"gatehouse validate\" reports every problem)", p)
		}
	}
	return nil
}

// namesInUse are the variables that the keyring has or the owner's entries name: what is
// added to the env file must not change their values.
func (m *merger) namesInUse() map[string]bool {
	used := maps.Clone(m.keyring)
	for _, e := range m.entries {
		for _, v := range variablesOf(e) {
			used[v.Name] = true
		}
	}
	return used
}

// unset notes the variables of an entry that must be set.
func (m *merger) unset(e serversfile.Entry) {
	for _, v := range variablesOf(e) {
		_, set := m.env.values[v.Name]
		if !set && !m.keyring[v.Name] && v.Path == "" && !v.HasDefault && e.EnvFile == "" && !slices.Contains(alwaysThere, v.Name) {
			m.plan.Unset = append(m.plan.Unset, v.Name)
		}
	}
}

// alwaysThere are variables that every gateway has, whoever starts it.
var alwaysThere = []string{"userHome", "HOME", "PATH", "USER", "USERPROFILE", "APPDATA"}

func variablesOf(e serversfile.Entry) (list []vars.Variable) {
	for _, text := range textsOf(e) {
		for _, s := range vars.Segments(text) {
			if v, reason := vars.ParseVariable(s); s.Variable && reason == "" {
				list = append(list, v)
			}
		}
	}
	return list
}

func textsOf(e serversfile.Entry) []string {
	list := append([]string{e.Command, e.Cwd, e.URL, e.EnvFile}, e.Args...)
	for _, values := range []map[string]string{e.Env, e.Headers} {
		for _, v := range values {
			list = append(list, v)
		}
	}
	return list
}

// finish checks what was made as a gateway would read it.
func (m *merger) finish() (Plan, error) {
	m.texts.Env = m.env.text(m.before.Env)
	file, problems := serversfile.Parse(m.paths.Servers, m.texts.Servers)
	if m.texts.Servers != nil && jsondoc.HasErrors(problems) {
		return Plan{}, fmt.Errorf("internal: the new servers file has errors: %w", problemOf(problems))
	}
	if m.texts.Rules != nil {
		if _, problems := rulesfile.ParseRules(m.paths.Rules, m.texts.Rules); jsondoc.HasErrors(problems) {
			return Plan{}, fmt.Errorf("internal: the new rules file has errors: %w", problemOf(problems))
		}
	}
	for _, name := range m.added {
		e, ok := file.Entry(name)
		if !ok {
			return Plan{}, fmt.Errorf("internal: the new servers file lacks %s", jsondoc.Quote(name))
		}
		m.unset(e)
	}
	slices.Sort(m.plan.Unset)
	m.plan.Unset = slices.Compact(m.plan.Unset)
	m.plan.After = Texts{
		Servers: changed(m.before.Servers, m.texts.Servers), Rules: changed(m.before.Rules, m.texts.Rules), Env: changed(m.before.Env, m.texts.Env),
	}
	m.plan.Variables = m.env.names()
	return m.plan, nil
}

func changed(before, after []byte) []byte {
	if slices.Equal(before, after) {
		return nil
	}
	return after
}

// note adds a note about a server.
func (m *merger) note(s *clients.Server, kind clients.Kind, format string, args ...any) {
	m.plan.Notes = append(m.plan.Notes, clients.Note{
		Client: s.Client.ID, Pos: s.Pos, File: s.Pos.File, Line: s.Pos.Line, Server: s.Name, Kind: kind, Text: fmt.Sprintf(format, args...),
	})
}

// groups are the servers by name, in the order in which names come.
func groups(found []clients.Found) [][]*clients.Server {
	var order []string
	by := map[string][]*clients.Server{}
	for _, f := range found {
		for _, s := range f.Servers {
			if by[s.Name] == nil {
				order = append(order, s.Name)
			}
			by[s.Name] = append(by[s.Name], s)
		}
	}
	list := make([][]*clients.Server, len(order))
	for i, name := range order {
		list[i] = by[name]
	}
	return list
}

// shown is a command line or an address as people may see it: what is secret is a
// variable by now.
func shown(e entry) string {
	if e.url != "" {
		return vars.ShownURL(e.url)
	}
	words := append([]string{e.command}, e.args...)
	return jsondoc.Shorten(strings.Join(words, " "))
}
