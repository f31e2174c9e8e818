package locate

import (
	"path/filepath"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// codeInWorkDir warns of rules that an agent could edit.
const codeInWorkDir = "rules-in-working-directory"

// Place is all that the search for a file depends on. Paths are absolute.
type Place struct {
	// Flag is the value of --mcp-config or --rules, empty when not given.
	Flag string
	// Env is the value of GATEWAY_MCP_CONFIG or GATEWAY_RULES.
	Env string
	// WorkDir is the current directory.
	WorkDir string
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
	Why  string // "--rules", "GATEWAY_RULES", "found in the working directory" and so on
	// InWorkDir is set when the file was looked for and found there.
	InWorkDir bool
}

// notFoundError says that a file was found nowhere. Its text has several
// lines: what was tried, files of the gateway's predecessor if there are any,
// and what to do.
type notFoundError struct {
	what  string   // "servers file (.mcp.json)"
	tried []string // each with what it stands for
	old   []string // files of the predecessor that exist
	flag  string   // the flag that would name the file
}

func (e *notFoundError) Error() string {
	var b strings.Builder
	b.WriteString("cannot find a " + e.what + "; tried:")
	for _, t := range e.tried {
		b.WriteString("\n  " + t)
	}
	for _, o := range e.old {
		b.WriteString("\nthere is " + o + ": use it with " + e.flag + " " + o)
	}
	b.WriteString("\nrun \"gatehouse init\" to write commented templates, or name the file with " + e.flag)
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

// FindServers decides which servers file to use: the flag, the environment,
// ./.mcp.json, else .mcp.json in the config directory. A file that the flag or
// the environment names is chosen whether it exists or not. The error, if any,
// says what was tried, or that ~ has no meaning here.
func FindServers(p Place) (Found, error) { return find(p, serversWanted) }

// FindRules decides which rules file to use, as FindServers does.
func FindRules(p Place) (Found, error) { return find(p, rulesWanted) }

func find(p Place, w wanted) (Found, error) {
	if p.Flag != "" {
		path, err := ResolvePath(p.Flag, p.WorkDir, p.HomeDir)
		return Found{Path: path, Why: w.flag}, err
	}
	if p.Env != "" {
		path, err := ResolvePath(p.Env, p.WorkDir, p.HomeDir)
		return Found{Path: path, Why: w.env}, err
	}
	missing := &notFoundError{what: w.what, flag: w.flag, tried: []string{w.flag + " (not given)", w.env + " (not set)"}}
	for _, name := range w.workDir {
		path := filepath.Join(p.WorkDir, name)
		if p.Exists(path) {
			return Found{Path: path, Why: "found in the working directory", InWorkDir: true}, nil
		}
		missing.tried = append(missing.tried, path)
	}
	if p.ConfigDir != "" {
		path := filepath.Join(p.ConfigDir, "gatehouse", w.configDir)
		if p.Exists(path) {
			return Found{Path: path, Why: "found in the config directory"}, nil
		}
		missing.tried = append(missing.tried, path)
	}
	missing.old = oldFiles(p, w)
	return Found{}, missing
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

// Problems are the warnings about where a rules file was found.
func (f Found) Problems() []jsondoc.Problem {
	if !f.InWorkDir {
		return nil
	}
	r := jsondoc.NewReport(f.Path)
	r.Add(policy.Position{File: f.Path}, jsondoc.Warning, "", codeInWorkDir,
		"move it to the config directory, or name it with --rules",
		"the rules were found in the working directory: an agent that works there can edit them")
	return r.Finish()
}
