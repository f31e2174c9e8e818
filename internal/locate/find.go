package locate

import (
	"path/filepath"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/trust"
)

const (
	// codeInWorkDir warns of rules that an agent could edit.
	codeInWorkDir = "rules-in-working-directory"
	// codeRelative warns of a path that a cloned repository could fill.
	codeRelative = "relative-path"
)

// Place is all that the search for a file depends on. Paths are absolute.
type Place struct {
	// Flag is the value of --mcp-config or --rules, empty when not given.
	Flag string
	// Env is the value of GATEWAY_MCP_CONFIG or GATEWAY_RULES. Unheeded is set where it
	// has no say.
	Env      string
	Unheeded bool
	// WorkDir is the current directory.
	WorkDir string
	// Here is set when the user asks for the files of the working directory.
	Here bool
	// Approved is set when the files of the working directory are as their
	// owner has approved them.
	Approved bool
	// WhyNot says why the files of the working directory are not used, where
	// there are some that could be.
	WhyNot string
	// ConfigDir is the result of the function ConfigDir; empty when unknown.
	ConfigDir string
	// HomeDir is the user's home; empty when unknown.
	HomeDir string
	// Exists reports whether there is anything at a path, readable or not.
	Exists func(path string) bool
}

// Found is a file that was chosen.
type Found struct {
	Path string // absolute, cleaned
	Why  string // "--rules", "GATEWAY_RULES", "--here" and so on
	// Editable is set for rules that count as whoever works in the working
	// directory leaves them.
	Editable bool
	// Relative is set when the path was given as a relative one, which means
	// another file in each working directory.
	Relative bool
	// Optional is set for a file that may be missing: then it is empty.
	Optional bool
}

// notFoundError says that a file was found nowhere. Its text has several
// lines: what was tried, files of the gateway's predecessor if there are any,
// and what to do.
type notFoundError struct {
	what  string   // "servers file (.mcp.json)"
	tried []string // each with what it stands for
	old   []string // files of the predecessor that exist
	flag  string   // the flag that would name the file
	here  string   // the file in the working directory that was passed over
	why   string   // why it was
}

func (e *notFoundError) Error() string {
	var b strings.Builder
	b.WriteString("cannot find a " + e.what + "; tried:")
	for _, t := range e.tried {
		b.WriteString("\n  " + t)
	}
	if e.here != "" {
		b.WriteString("\nthere is " + e.here + ", which is not used: " + e.why + "; look at it and approve it: " +
			trust.Command(filepath.Dir(e.here)) + "; or use it this once with --here")
	}
	for _, o := range e.old {
		b.WriteString("\nthere is " + o + ": use it with " + e.flag + " " + o)
	}
	b.WriteString("\nrun \"gatehouse import --write\" to take over what your programs have, or \"gatehouse init\" to write commented templates, or name the file with " + e.flag)
	return b.String()
}

// wanted is one of the two files.
type wanted struct {
	what, flag, env string
	workDir         []string // names looked for in the working directory
	configDir       string   // name looked for in <config dir>/gatehouse
	old             []string // names that the predecessor used
}

var (
	serversWanted = wanted{
		what: "servers file (.mcp.json)", flag: "--mcp-config", env: "GATEWAY_MCP_CONFIG",
		workDir: []string{".mcp.json"}, configDir: ".mcp.json", old: []string{".mcp.json", "mcp.json"},
	}
	rulesWanted = wanted{
		what: "rules file (.mcp-gateway-rules.json)", flag: "--rules", env: "GATEWAY_RULES",
		workDir:   []string{".mcp-gateway-rules.json", "gateway-rules.json"},
		configDir: ".mcp-gateway-rules.json", old: []string{".mcp-gateway-rules.json", "gateway-rules.json"},
	}
)

// FindServers decides which servers file to use: the flag; with --here the one
// in the working directory and no other; the environment; ./.mcp.json if it is
// approved; else .mcp.json in the config directory. A file that the flag or
// the environment names is chosen whether it exists or not. The error, if any,
// says what was tried, or that ~ has no meaning here.
func FindServers(p Place) (Found, error) { return find(p, serversWanted) }

// FindRules decides which rules file to use, as FindServers does.
func FindRules(p Place) (Found, error) { return find(p, rulesWanted) }

func find(p Place, w wanted) (Found, error) {
	missing := &notFoundError{what: w.what, flag: w.flag, tried: []string{w.flag + " (not given)"}}
	switch {
	case p.Flag != "":
		return Named(w.flag, p.Flag, p)
	case p.Here:
		return w.inWorkDir(p, Found{Why: "--here", Editable: w.flag == rulesWanted.flag}, missing)
	case p.Env != "" && !p.Unheeded:
		return Named(w.env, p.Env, p)
	}
	if !p.Unheeded {
		missing.tried = append(missing.tried, w.env+" (not set)")
	}
	if p.Approved {
		return w.inWorkDir(p, Found{Why: "found in the working directory, and approved"}, missing)
	}
	if p.WhyNot != "" {
		missing.here, missing.why = w.path(p), p.WhyNot
	}
	if p.ConfigDir != "" {
		path := filepath.Join(p.ConfigDir, folder, w.configDir)
		if p.Exists(path) {
			return Found{Path: path, Why: "found in the config directory"}, nil
		}
		missing.tried = append(missing.tried, path)
	}
	missing.old = oldFiles(p, w)
	return Found{}, missing
}

// inWorkDir completes found, or returns what is missing.
func (w wanted) inWorkDir(p Place, found Found, missing *notFoundError) (Found, error) {
	if found.Path = w.path(p); found.Path != "" {
		return found, nil
	}
	for _, name := range w.workDir {
		missing.tried = append(missing.tried, filepath.Join(p.WorkDir, name))
	}
	return Found{}, missing
}

// path is the file in the working directory, empty if there is none.
func (w wanted) path(p Place) string {
	for _, name := range w.workDir {
		if path := filepath.Join(p.WorkDir, name); p.Exists(path) {
			return path
		}
	}
	return ""
}

// Project returns the servers and the rules file of a folder; each is empty if
// there is none. The folder must be absolute.
func Project(dir string, exists func(path string) bool) (servers, rules string) {
	p := Place{WorkDir: dir, Exists: exists}
	return serversWanted.path(p), rulesWanted.path(p)
}

// folder is that of gatehouse's files below the config directory.
const folder = "gatehouse"

// ConfigFolder is the folder of gatehouse's files below a config directory;
// empty if that is unknown.
func ConfigFolder(configDir string) string {
	if configDir == "" {
		return ""
	}
	return filepath.Join(configDir, folder)
}

// OwnEnvFile finds the env file that every gateway reads, whatever else it is told
// to read: gatehouse.env in its config folder, whether it is there or not. It
// reports false if there is no config folder.
func OwnEnvFile(configDir string) (Found, bool) {
	dir := ConfigFolder(configDir)
	if dir == "" {
		return Found{}, false
	}
	return Found{Path: filepath.Join(dir, envFileName), Why: "found in the config directory", Optional: true}, true
}

// envFileName is the env file beside the servers and the rules, and keyringFileName the
// list of variables whose values are in the keyring of the system.
const (
	envFileName     = "gatehouse.env"
	keyringFileName = "gatehouse.keyring"
)

// KeyringFile finds the list of variables whose values are in the keyring of the system,
// whether it is there or not. Its path is empty if there is no config folder.
func KeyringFile(configDir string) Found {
	dir := ConfigFolder(configDir)
	if dir == "" {
		return Found{}
	}
	return Found{Path: filepath.Join(dir, keyringFileName), Why: "found in the config directory", Optional: true}
}

// relative reports whether a path means another file in each working
// directory.
func relative(path string) bool {
	_, tilde := CutTilde(path)
	return !tilde && !filepath.IsAbs(path)
}

// Named makes the path absolute that a flag or a variable, why, names.
func Named(why, path string, p Place) (Found, error) {
	abs, err := ResolvePath(path, p.WorkDir, p.HomeDir)
	return Found{Path: abs, Why: why, Relative: relative(path)}, err
}

// oldFiles are the files of the predecessor that exist. They are named, never
// taken: its defaults were in other places.
func oldFiles(p Place, w wanted) []string {
	dirs := []string{filepath.Join(p.WorkDir, "config")}
	if p.HomeDir != "" {
		dirs = append([]string{filepath.Join(p.HomeDir, ".config", "agent-mcp-gateway")}, dirs...)
	}
	var files []string
	for _, dir := range dirs {
		for _, name := range w.old {
			if path := filepath.Join(dir, name); p.Exists(path) {
				files = append(files, path)
			}
		}
	}
	return files
}

// Problems are the warnings about how and where a file was found.
func (f Found) Problems() []jsondoc.Problem {
	r := jsondoc.NewReport(f.Path)
	if f.Editable {
		r.Add(policy.Position{File: f.Path}, jsondoc.Warning, "", codeInWorkDir,
			"move it to the config directory, or approve it with \"gatehouse trust\": then it counts as you have seen it",
			"the rules are those of the working directory: an agent that works there can edit them")
	}
	if f.Relative {
		r.Add(policy.Position{File: f.Path}, jsondoc.Warning, "", codeRelative,
			"write the full path, above all in a client's configuration: clients start the gateway in any folder",
			"%s names it by a relative path, which means another file in each folder", f.Why)
	}
	return r.Finish()
}
