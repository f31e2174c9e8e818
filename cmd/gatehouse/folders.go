package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"

	"gatehouse/internal/eras"
	"gatehouse/internal/locate"
	"gatehouse/internal/login"
	"gatehouse/internal/login/store"
	"gatehouse/internal/ownsocket"
	"gatehouse/internal/redact"
)

// homeDir is the user's home: HOME, else what the passwd entry says, as services
// are often started without HOME. It is empty where neither is known.
func homeDir() string {
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		return home
	}
	if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
		return u.HomeDir
	}
	return ""
}

// stateFolder is where gatehouse keeps its own files; empty if unknown.
func stateFolder() string { return locate.StateFolder(runtime.GOOS, os.Getenv, homeDir()) }

// serversFolder is where servers that name no cwd have their folders; empty if
// unknown.
func serversFolder() string {
	if dir := stateFolder(); dir != "" {
		return filepath.Join(dir, "servers")
	}
	return ""
}

// reasonOf is what the system says, without the call and the path that it was of: whoever
// words an error names the path.
func reasonOf(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	if s, ok := errors.AsType[*os.SyscallError](err); ok {
		return s.Err
	}
	return err
}

// workingFolder is the working directory.
func workingFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the working directory: %w; go to a folder that is there", reasonOf(err))
	}
	return dir, nil
}

// auditPath is the file of the audit log: what the options name, else
// audit.jsonl in the folder for logs or for state.
func auditPath(opts runOptions) (string, error) {
	if opts.auditLog != "" {
		workDir, _ := os.Getwd() // Without one, only relative paths have no meaning.
		return locate.ResolvePath(opts.auditLog, workDir, homeDir())
	}
	dir := locate.LogsFolder(runtime.GOOS, os.Getenv, homeDir())
	if dir == "" {
		return "", errors.New("cannot find a place for the audit log: this user has no home folder; " +
			"name a file with --audit-log (GATEWAY_AUDIT_LOG), or set HOME, XDG_STATE_HOME or STATE_DIRECTORY")
	}
	return filepath.Join(dir, "audit.jsonl"), nil
}

// auditCure says what to do about an audit log that cannot be opened.
func auditCure(err error) error {
	cure := "name another file with --audit-log (GATEWAY_AUDIT_LOG); /dev/null turns the log off"
	if errors.Is(err, fs.ErrPermission) {
		cure = "let this user write there, or " + cure
	}
	return fmt.Errorf("%w; %s", err, cure)
}

// socketFolders are the folders for the socket of a gateway of this process.
func socketFolders() []string {
	getenv := func(name string) string {
		value := os.Getenv(name)
		if name != "XDG_RUNTIME_DIR" {
			return value
		}
		if info, err := os.Stat(value); err != nil || !info.IsDir() {
			return "" // The variable outlives the folder, in sudo for example.
		}
		return value
	}
	return ownsocket.Dirs(locate.RuntimeFolders(runtime.GOOS, getenv, homeDir()), os.TempDir())
}

// adminDirs are the folders in which commands look for gateways: also those of
// a systemd service, whose variables a shell does not have.
func adminDirs() []string {
	dirs := socketFolders()
	if dir := userState(); dir != "" { // Of a gateway that attach has started.
		for _, d := range ownsocket.Dirs([]string{filepath.Join(dir, "run")}, "/tmp") {
			if !slices.ContainsFunc(dirs, func(known string) bool { return sameFolder(known, d) }) {
				dirs = append(dirs, d)
			}
		}
	}
	if runtime.GOOS == "linux" {
		dirs = append(dirs, "/run/gatehouse/run", "/var/lib/gatehouse/run")
	}
	return dirs
}

// knownEras is what gateways of this user have learnt of servers; nil where
// there is no place to keep it.
func knownEras() *eras.Store {
	dir := stateFolder()
	if dir == "" {
		return nil
	}
	return eras.Open(dir)
}

// loginStore is where logins are kept; nil where there is no place for them.
func loginStore() *store.Store {
	dir := stateFolder()
	if dir == "" {
		return nil
	}
	return store.Open(filepath.Join(dir, "credentials")).WithKeyring(store.System{})
}

// knownLogins has the logins of the gateway's servers; nil where there is no place to
// keep them.
func knownLogins(live *redact.Live, log *slog.Logger) *login.Keeper {
	kept := loginStore()
	if kept == nil {
		return nil
	}
	return login.NewKeeper(kept, userAgent(), live, log)
}

// userAgent is how authorization servers are told who asks.
func userAgent() string { return "gatehouse/" + version() }
