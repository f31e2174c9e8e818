package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/attach"
	"gatehouse/internal/childproc"
	"gatehouse/internal/descriptors"
	"gatehouse/internal/doctor"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/ownsocket"
	"gatehouse/internal/shellword"
)

// doctorFacts looks at all that doctor judges. It starts and changes nothing.
func doctorFacts(ctx context.Context, files *fileOptions) doctor.Facts {
	f := doctor.Facts{
		Now: time.Now(), Program: programFacts(), Descriptors: descriptors.Limit(), Folders: folderFacts(),
		Socket: socketFacts(), Port: portFacts(ctx), KeepsPath: exists(searchPathFile()), Clients: clientFacts(),
	}
	found := lookAtFiles(files)
	f.Files, f.Servers = found.facts, found.servers
	f.Runtimes = runtimeFacts(f.Servers)
	gateways, silent := admin.Find(ctx, adminDirs())
	for _, g := range gateways {
		f.Gateways = append(f.Gateways, gatewayFacts(g.Status, f.Files))
	}
	f.Silent = silent
	return f
}

func programFacts() doctor.Program {
	p := doctor.Program{Version: version()}
	self, err := ownProgram()
	if err != nil {
		return p
	}
	p.Path = self
	if info, err := os.Stat(self); err == nil {
		p.Built = info.ModTime()
	}
	if other, err := childproc.LookPath("gatehouse", os.Environ(), ""); err == nil && !sameFile(other, self) {
		p.OnPath = other
	}
	return p
}

func folderFacts() []doctor.Folder {
	dir := stateFolder()
	if dir == "" {
		return nil
	}
	return []doctor.Folder{folderFact("state", dir)}
}

// folderFact reports whether files can be written to a folder, or where it would be.
// It leaves nothing there.
func folderFact(what, dir string) doctor.Folder {
	f := doctor.Folder{What: what, Path: dir}
	there := dir
	for !exists(there) && filepath.Dir(there) != there {
		there, f.Missing = filepath.Dir(there), true
	}
	if !f.Missing {
		if err := ownsocket.CheckDir(dir); err != nil {
			f.Problem = err.Error()
			return f
		}
	}
	probe, err := os.CreateTemp(there, ".doctor-*")
	if err != nil {
		f.Problem = fmt.Sprintf("cannot write to %s: %v", there, bareReason(err))
		return f
	}
	_, _ = probe.Close(), os.Remove(probe.Name()) // It was empty.
	return f
}

// bareReason is the system's own reason, without the path.
func bareReason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// socketFacts are about the folder of the socket to which clients attach.
func socketFacts() doctor.Folder {
	dirs := attachFolders()
	if len(dirs) == 0 {
		return doctor.Folder{}
	}
	var f doctor.Folder
	for _, dir := range dirs {
		if f = folderFact("folder", dir); f.Problem == "" {
			break
		}
	}
	return f
}

const usualAddress = "127.0.0.1:8000"

func portFacts(ctx context.Context) doctor.Port {
	p := doctor.Port{Address: env("GATEWAY_HTTP_ADDR", usualAddress)}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.Address)
	if err != nil {
		var op *net.OpError
		if p.Problem = err.Error(); errors.As(err, &op) {
			p.Problem = op.Err.Error()
		}
		return p
	}
	_ = l.Close() // Nobody can have connected.
	return p
}

func gatewayFacts(st admin.Status, files doctor.Files) doctor.Gateway {
	g := doctor.Gateway{PID: st.PID, Version: st.Version, Reached: reachedAt(st)}
	if st.Attach != nil && st.Attach.Background {
		g.Background, g.Args = true, strings.Join(st.Attach.Args, " ")
	}
	for _, f := range st.Files {
		switch f.Role {
		case "servers":
			g.Servers = f.Path
		case "rules":
			g.Rules = f.Path
		}
	}
	g.SameFiles = files.Missing != "" || resolved(g.Servers) == resolved(files.Servers) && resolved(g.Rules) == resolved(files.Rules)
	if st.RulesUnreadable != nil {
		g.Unreadable = st.RulesUnreadable.Reason
	}
	for _, r := range st.Reloads {
		if r.Outcome == admin.Rejected {
			g.Rejected = append(g.Rejected, r.File)
		}
	}
	for _, s := range st.Servers {
		g.States = append(g.States, stateFacts(s))
	}
	return g
}

// cures are what to do about servers by their state. Without one it does well, or
// somebody wants it so.
var cures = map[endpoint.State]string{
	endpoint.BackingOff:    "see what it wrote: gatehouse status NAME; once it is mended: gatehouse release NAME",
	endpoint.Quarantined:   "see what it wrote: gatehouse status NAME; once it is mended: gatehouse release NAME",
	endpoint.NeedsAuth:     "log in: gatehouse login NAME; or give it credentials that it accepts, then: gatehouse release NAME",
	endpoint.Misconfigured: "mend its entry: gatehouse validate",
}

func stateFacts(s admin.ServerStatus) doctor.State {
	st := doctor.State{Name: s.Name, State: s.State, Reason: forPeople(s.Reason)}
	if st.Reason == "" {
		st.Reason = forPeople(s.LastError)
	}
	if cure, failing := cures[endpoint.State(s.State)]; failing {
		st.Failing, st.Do = true, strings.ReplaceAll(cure, " NAME", " "+shellword.Command("", "", s.Name))
	}
	return st
}

// runtimesKnown are programs that many servers need, and how to get them.
var runtimesKnown = []struct {
	name     string
	commands []string
	install  string
}{
	{"node", []string{"node", "npx", "npm", "bunx", "pnpm"}, "install Node.js: https://nodejs.org, or the package of your system"},
	{"uv", []string{"uv", "uvx"}, "install uv: https://docs.astral.sh/uv"},
	{"python3", []string{"python", "python3", "pipx"}, "install Python: https://www.python.org, or the package of your system"},
	{"docker", []string{"docker"}, "install Docker, or start it: the servers run in its containers"},
}

func runtimeFacts(servers []doctor.Server) []doctor.Runtime {
	var found []doctor.Runtime
	for _, known := range runtimesKnown {
		r := doctor.Runtime{Name: known.name, Install: known.install}
		r.Path, _ = childproc.LookPath(known.name, os.Environ(), "") // Empty if it is not there.
		for _, s := range servers {
			if slices.Contains(known.commands, strings.TrimSuffix(filepath.Base(s.Command), ".exe")) {
				r.Servers = append(r.Servers, s.Name)
			}
		}
		if known.name == "docker" && r.Path != "" && !dockerRuns() {
			r.Problem = "its daemon does not seem to run: there is no socket of it"
		}
		found = append(found, r)
	}
	return found
}

// dockerRuns reports whether there may be a daemon of docker.
func dockerRuns() bool {
	if os.Getenv("DOCKER_HOST") != "" || runtime.GOOS == "windows" {
		return true
	}
	home := homeDir()
	return slices.ContainsFunc([]string{
		"/var/run/docker.sock", filepath.Join(userRuntimeFolder(), "docker.sock"), filepath.Join(home, ".docker/run/docker.sock"),
		filepath.Join(home, ".docker/desktop/docker.sock"), filepath.Join(home, ".colima/default/docker.sock"), filepath.Join(home, ".orbstack/run/docker.sock"),
	}, func(path string) bool { return filepath.IsAbs(path) && exists(path) })
}

// sharedFiles are the files that attach uses without flags.
func sharedFiles() attach.Files {
	var o attachOptions
	found, err := o.find()
	if err != nil {
		return attach.Files{}
	}
	return found.attachFiles()
}
