package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"gatehouse/actors/server"
	"gatehouse/internal/admin"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
	"gatehouse/internal/login"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/vars"
	"gatehouse/messages"
)

// loginEntries are the entries of a servers file, as logins see them.
type loginEntries struct {
	servers []resolve.Server
}

// readEntries reads the servers file: the one that flags name, else that of the running
// gateway that has the server, else the one that run would use. The rules have no part
// in it.
func (o *fileOptions) readEntries(ctx context.Context, name string) (loginEntries, error) {
	paths, read, err := o.serversAndEnv(ctx, name)
	if err != nil {
		return loginEntries{}, err
	}
	src := read(messages.RoleServers, paths[0])
	if src.Err != "" {
		return loginEntries{}, errors.New(src.Err)
	}
	file, problems := serversfile.Parse(paths[0], src.Content)
	if jsondoc.HasErrors(problems) {
		return loginEntries{}, fmt.Errorf("%s has %s; \"gatehouse validate\" says which", paths[0], count(problems, jsondoc.Error))
	}
	for i := range file.Entries {
		file.Entries[i].Disabled = false // One may log in before it is switched on.
	}
	e := resolve.Env{
		Environ: os.Environ(), FileDir: filepath.Dir(paths[0]), ServersDir: serversFolder(), HomeDir: homeDir(), GOOS: runtime.GOOS, Files: map[string]resolve.File{},
	}
	for _, path := range paths[1:] {
		values, _ := vars.ParseDotenv(path, read(messages.RoleEnv, path).Content) // What is missing is said where it is used.
		e.EnvFiles = append(e.EnvFiles, values)
	}
	if list := findKeyringFile().Path; list != "" {
		e.Keyring = systemReader.Values(read(messages.RoleKeyring, list).Content)
	}
	for {
		servers := resolve.Servers(file, e)
		unread := resolve.Unread(servers)
		if len(unread) == 0 {
			return loginEntries{servers}, nil
		}
		for _, path := range unread {
			m := read(messages.RoleDependency, path)
			e.Files[path] = resolve.File{Bytes: m.Content, Reason: m.Reason}
		}
	}
}

// reader reads one file of the configuration.
type reader func(role messages.FileRole, path string) messages.ConfigChanged

// serversAndEnv decides which servers file is read, and which env files, after it.
func (o *fileOptions) serversAndEnv(ctx context.Context, name string) ([]string, reader, error) {
	if o.mcpConfig == "" && len(o.envFiles) == 0 && !o.here {
		if paths := filesOfRunning(ctx, name); paths != nil {
			return paths, readFile, nil
		}
	}
	s, err := o.search()
	if err != nil {
		return nil, nil, err
	}
	found, err := locate.FindServers(s.place(o.mcpConfig, serversVariable))
	if paths := filesOfRunning(ctx, ""); err != nil && o.mcpConfig == "" && paths != nil {
		return paths, readFile, nil // There are no others.
	}
	if err != nil {
		return nil, nil, err
	}
	env, err := o.findEnvFiles(s)
	if err != nil {
		return nil, nil, err
	}
	read := reader(readFile)
	if s.project != nil {
		read = s.project.read
	}
	return append([]string{found.Path}, foundFiles{envFiles: env}.envPaths()...), read, nil
}

// filesOfRunning are the servers file and the env files of the one running gateway
// that has a server of that name, or any if name is empty; nil if there is none, or
// several with other files.
func filesOfRunning(ctx context.Context, name string) []string {
	var paths []string
	found, _ := admin.Find(ctx, adminDirs())
	for _, f := range found {
		if name != "" && !slices.ContainsFunc(f.Status.Servers, func(s admin.ServerStatus) bool { return s.Name == name }) {
			continue
		}
		var own []string
		for _, file := range f.Status.Files {
			switch messages.FileRole(file.Role) {
			case messages.RoleServers:
				own = slices.Insert(own, 0, file.Path)
			case messages.RoleEnv:
				own = append(own, file.Path)
			case messages.RoleKeyring, messages.RoleRules, messages.RoleDependency, messages.RoleTrust, messages.RoleOperator:
			}
		}
		if len(own) == 0 || paths != nil && !slices.Equal(paths, own) {
			return nil
		}
		paths = own
	}
	return paths
}

// target returns what is logged in to for an entry. The error is for people, and
// *login.Unfit where nobody logs in.
func (l loginEntries) target(name string) (login.Target, error) {
	i := slices.IndexFunc(l.servers, func(s resolve.Server) bool { return s.Entry.Name == name })
	if i < 0 {
		var names []string
		for _, s := range l.servers {
			names = append(names, s.Entry.Name)
		}
		return login.Target{}, &login.Unfit{Why: noServer(name, names)}
	}
	s := l.servers[i]
	if s.Entry.Transport == serversfile.Stdio {
		return login.Target{}, &login.Unfit{Why: fmt.Sprintf("%q is started by a command, which logs in by itself if it has to; \"gatehouse login\" is for servers with a url", name)}
	}
	if s.Problem != "" {
		return login.Target{}, fmt.Errorf("the entry of %q cannot be used: %s", name, s.Problem)
	}
	return server.LoginTarget(s.Entry, s.Spec), nil
}

// sharing lists the entries that share the credential of a target, its own first.
func (l loginEntries) sharing(t login.Target) []string {
	var names []string
	for _, s := range l.servers {
		if s.Problem == "" && s.Entry.Transport != serversfile.Stdio && server.LoginTarget(s.Entry, s.Spec).Key() == t.Key() {
			names = append(names, s.Entry.Name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(btoi(a != t.Name), btoi(b != t.Name)) })
	return names
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
