package clients

import (
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/serversfile"
)

// Client is a program that starts MCP servers.
type Client struct {
	// ID names it in commands, and the agent that its servers are given to.
	ID string
	// Title is its name for people.
	Title string
	// Searches is set if its model searches tools by itself, so that it needs
	// none of ours to do so.
	Searches bool
	// Agentless is set if rules of its own say who may use what: no agent stands
	// for it.
	Agentless bool

	files   func(Place) []File
	read    func(*reader, *jsondoc.Node)
	dialect dialect
	connect *connection
}

// dialect is what entries of a client mean that are written as those of others.
type dialect struct {
	variables variables
	// bare is the transport of an address without a type.
	bare serversfile.Transport
	// times are its limits of time, by key.
	times map[string]timeLimit
	// envFile is set if the variables of an envFile go to the server.
	envFile bool
	// emptyMeansAll is set if an empty list of allowed tools restricts nothing.
	emptyMeansAll bool
	// emptyIsOwn is set if an empty variable of env takes the client's own value.
	emptyIsOwn bool
	// approvals are keys that look like lists of tools and are none.
	approvals []string
}

// timeLimit says what a key limits: a start or a call, in units of so many
// milliseconds.
type timeLimit struct {
	start bool
	unit  float64
}

var (
	startSeconds = timeLimit{start: true, unit: 1000}
	startMillis  = timeLimit{start: true, unit: 1}
	callSeconds  = timeLimit{unit: 1000}
	callMillis   = timeLimit{unit: 1}
)

// Place is what the places of files depend on. Paths are absolute.
type Place struct {
	GOOS, Home, WorkDir string
	// Getenv looks up a variable of the environment.
	Getenv func(string) string
	// Glob lists the files that a pattern matches below a folder, in order.
	Glob func(dir, pattern string) []string
}

// File is a file that may be there.
type File struct {
	Path string
	// Base is the folder at which relative paths in it start; empty if that is
	// whichever folder the client was opened in.
	Base string
}

// All are the clients that are known, in the order in which people are shown
// them.
func All() []*Client { return slices.Clone(all) }

var all = []*Client{
	claudeCode, claudeDesktop, cursor, vsCode, windsurf, cline, roo, zed, continueDev, codex, gemini, openCode, goose,
	lmStudio, jetBrains, amazonQ, copilot, seed, mcpProxy, mcpHub, oneMCP,
}

// Find returns the client with an ID, in any letter case.
func Find(id string) (*Client, bool) {
	for _, c := range all {
		if strings.EqualFold(c.ID, id) {
			return c, true
		}
	}
	return nil, false
}

// IDs are the IDs of all clients.
func IDs() []string {
	ids := make([]string, len(all))
	for i, c := range all {
		ids[i] = c.ID
	}
	return ids
}

// Files are the files that the client may have, those of the user before those
// of the project in the working directory.
func (c *Client) Files(p Place) []File {
	return slices.DeleteFunc(c.files(p), func(f File) bool { return !filepath.IsAbs(f.Path) })
}

// config is the folder of programs' configuration: ~/.config, also on macOS
// unless a program says otherwise; %AppData% on windows.
func (p Place) config(name ...string) string {
	dir := p.Getenv("XDG_CONFIG_HOME")
	switch {
	case p.GOOS == windows:
		dir = p.appData()
	case !filepath.IsAbs(dir):
		dir = p.home(".config")
	}
	return filepath.Join(append([]string{dir}, name...)...)
}

// support is where desktop programs keep their files.
func (p Place) support(name ...string) string {
	if p.GOOS == "darwin" {
		return p.home(append([]string{"Library", "Application Support"}, name...)...)
	}
	return p.config(name...)
}

func (p Place) appData() string {
	if dir := p.Getenv("APPDATA"); filepath.IsAbs(dir) {
		return dir
	}
	return p.home("AppData", "Roaming")
}

// home is a path below the user's home; relative, and so passed over, if there is
// none.
func (p Place) home(name ...string) string {
	return filepath.Join(append([]string{p.Home}, name...)...)
}

// inProject is a file of the project in the working directory.
func (p Place) inProject(name ...string) File {
	return File{Path: filepath.Join(append([]string{p.WorkDir}, name...)...), Base: p.WorkDir}
}

// folderOr is the folder that a variable names, else other.
func (p Place) folderOr(variable, other string) string {
	if dir := p.Getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	return other
}

const windows = "windows"

func user(paths ...string) []File {
	files := make([]File, len(paths))
	for i, path := range paths {
		files[i] = File{Path: path}
	}
	return files
}
