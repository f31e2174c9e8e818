package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/locate"
	"gatehouse/internal/safefile"
	"gatehouse/internal/suggest"
	"gatehouse/internal/terminal"
)

// readFileOf is a file of a client that is there.
type readFileOf struct {
	Client  string `json:"client"`
	Path    string `json:"path"`
	Servers int    `json:"servers"`
	Problem string `json:"problem,omitempty"`
}

// clientFiles is what was read of clients.
type clientFiles struct {
	files []readFileOf
	found []clients.Found
}

// maxListed is how many files of one folder are read.
const maxListed = 200

// clientPlace is where this user's clients have their files.
func clientPlace() (clients.Place, error) {
	workDir, err := workingFolder()
	if err != nil {
		return clients.Place{}, err
	}
	return clients.Place{GOOS: runtime.GOOS, Home: homeDir(), WorkDir: workDir, Getenv: os.Getenv, Glob: func(dir, pattern string) []string {
		paths := safefile.Glob(dir, pattern)
		return paths[:min(len(paths), maxListed)]
	}}, nil
}

// readClients reads the files of all clients, of one, or one file.
func readClients(from string) (clientFiles, error) {
	place, err := clientPlace()
	if err != nil {
		return clientFiles{}, err
	}
	var c clientFiles
	switch client, known := clients.Find(from); {
	case from == "":
		for _, client := range clients.All() {
			c.read(client, client.Files(place))
		}
	case known:
		c.read(client, client.Files(place))
		if len(c.files) == 0 {
			return c, fmt.Errorf("%s has no configuration here; looked for:\n  %s", client.Title, strings.Join(pathsOf(client.Files(place)), "\n  "))
		}
	default:
		return c, c.readOne(from, place)
	}
	return c, nil
}

func pathsOf(files []clients.File) []string {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Path
	}
	return paths
}

// readOne reads a file that its path names.
func (c *clientFiles) readOne(path string, place clients.Place) error {
	abs, err := locate.ResolvePath(path, place.WorkDir, place.Home)
	if err != nil {
		return err
	}
	data, err := safefile.Read(abs, clients.MaxFileBytes)
	if errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(path, `/\.`) {
		text := fmt.Sprintf("there is neither a program nor a file %q", path)
		if near, ok := suggest.Nearest(path, clients.IDs()); ok {
			text += "; did you mean " + near + "?"
		}
		return fmt.Errorf("%s\nprograms: %s", text, strings.Join(clients.IDs(), ", "))
	}
	if err != nil {
		return err
	}
	client, file := clients.Detect(abs, data, place)
	c.add(client, []clients.Source{{File: file, Data: data}})
	return nil
}

// read reads those of a client's files that are there.
func (c *clientFiles) read(client *clients.Client, files []clients.File) {
	var sources []clients.Source
	own := ownPaths().Servers
	seen := []string{}
	for _, f := range files {
		real, err := filepath.EvalSymlinks(f.Path)
		if errors.Is(err, fs.ErrNotExist) || slices.Contains(seen, real) || own != "" && sameFile(real, own) {
			continue
		}
		data, readErr := safefile.Read(f.Path, clients.MaxFileBytes)
		if err = errors.Join(readErr); err != nil {
			c.files = append(c.files, readFileOf{Client: client.ID, Path: f.Path, Problem: safefile.Reason(readErr)})
			continue
		}
		seen = append(seen, real)
		sources = append(sources, clients.Source{File: f, Data: data})
	}
	if len(sources) > 0 {
		c.add(client, sources)
	}
}

func sameFile(a, b string) bool { return sameFolder(a, b) }

// add parses the files of one client.
func (c *clientFiles) add(client *clients.Client, sources []clients.Source) {
	found := client.Read(sources, func(path string) ([]byte, error) {
		if rest, tilde := locate.CutTilde(path); tilde {
			path = filepath.Join(homeDir(), rest)
		}
		return safefile.Read(path, maxEnvFile)
	})
	for _, s := range sources {
		f := readFileOf{Client: client.ID, Path: s.File.Path}
		for _, server := range found.Servers {
			if server.Pos.File == s.File.Path {
				f.Servers++
			}
		}
		for _, n := range found.Notes {
			if n.Kind == clients.Left && n.Server == "" && n.File == s.File.Path {
				f.Problem = n.Text
			}
		}
		c.files = append(c.files, f)
	}
	c.found = append(c.found, found)
}

// maxEnvFile is the largest env file, or list of the keyring, that is read, in bytes.
const maxEnvFile = 1 << 20

// ownTexts are the files of the config folder as they are.
type ownTexts struct {
	paths  adopt.Paths
	before adopt.Texts
}

// ownPaths are the files that import writes; empty if there is no config folder.
func ownPaths() adopt.Paths {
	dir := configFolder()
	if dir == "" {
		return adopt.Paths{}
	}
	env, _ := locate.OwnEnvFile(configDir())
	return adopt.Paths{Servers: filepath.Join(dir, ".mcp.json"), Rules: filepath.Join(dir, ".mcp-gateway-rules.json"), Env: env.Path, Keyring: findKeyringFile().Path}
}

func readOwnTexts() (ownTexts, error) {
	own := ownTexts{paths: ownPaths()}
	if own.paths.Servers == "" {
		return own, errors.New("cannot find the config folder: this user has no home folder; set HOME or XDG_CONFIG_HOME")
	}
	var err error
	own.before, err = own.read()
	return own, err
}

func (o ownTexts) read() (adopt.Texts, error) {
	var t adopt.Texts
	var errs [4]error
	t.Servers, errs[0] = optional(safefile.Read(o.paths.Servers, clients.MaxFileBytes))
	t.Rules, errs[1] = optional(safefile.Read(o.paths.Rules, clients.MaxFileBytes))
	t.Env, errs[2] = optional(safefile.ReadOwn(o.paths.Env, maxEnvFile))
	t.Keyring, errs[3] = optional(safefile.Read(o.paths.Keyring, maxEnvFile)) // As gateways read it.
	return t, errors.Join(errs[:]...)
}

// optional is a file that may be missing: nil then, and never nil if it is there.
func optional(data []byte, err error) ([]byte, error) {
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if data == nil {
		data = []byte{}
	}
	return data, err
}

// write writes the files that change: secrets first, then rules, then servers, so
// that at no moment a server is there that more may use than shall. It returns
// their paths.
func (o ownTexts) write(after adopt.Texts) (written []string, err error) {
	now, err := o.read()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(now.Servers, o.before.Servers) || !bytes.Equal(now.Rules, o.before.Rules) || !bytes.Equal(now.Env, o.before.Env) ||
		!bytes.Equal(now.Keyring, o.before.Keyring) {
		return nil, errors.New("somebody has changed the files meanwhile: nothing is written; try again")
	}
	for _, f := range []struct {
		path  string
		data  []byte
		write func(string, []byte) error
	}{{o.paths.Env, after.Env, safefile.WriteOwn}, {o.paths.Rules, after.Rules, safefile.Rewrite}, {o.paths.Servers, after.Servers, safefile.Rewrite}} {
		if f.data == nil {
			continue
		}
		if err := f.write(f.path, f.data); err != nil {
			return written, err
		}
		written = append(written, f.path)
	}
	return written, nil
}

// asksAt reports whether there is somebody at a terminal.
func asksAt(in io.Reader, out io.Writer) bool {
	f, isFile := in.(*os.File)
	_, asks := terminal.Of(out)
	if isFile && asks {
		_, asks = terminal.Of(f)
	}
	return isFile && asks
}
