package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"gatehouse/internal/attach"
	"gatehouse/internal/locate"
	"gatehouse/internal/ownsocket"
	"gatehouse/internal/safefile"
)

// homeVariable stands in for the home folder of the user in all that attach looks
// for. It is for tests, and for people who want two of everything.
const homeVariable = "GATEHOUSE_HOME"

// userHome is the user's home as the user id alone settles it: clients give their
// children almost no environment, each another one.
func userHome() string {
	if home := os.Getenv(homeVariable); filepath.IsAbs(home) {
		return filepath.Clean(home)
	}
	if home := ownHome(); filepath.IsAbs(home) {
		return filepath.Clean(home)
	}
	return homeDir() // A user without an entry.
}

// ownVariable is a variable that the user id alone settles. Another home has none.
func ownVariable(name string) string {
	if os.Getenv(homeVariable) != "" {
		return ""
	}
	return settledVariable(name)
}

// userConfigFolder and userState are the folders of gatehouse's files that the user
// id alone settles; empty if unknown.
func userConfigFolder() string {
	return locate.ConfigFolder(locate.ConfigDir(runtime.GOOS, ownVariable, userHome()))
}

func userState() string { return locate.StateFolder(runtime.GOOS, ownVariable, userHome()) }

// attachFolders are the folders in which the socket of a shared gateway may be, the
// preferred one first.
func attachFolders() []string {
	var dirs []string
	if dir := userRuntimeFolder(); dir != "" && os.Getenv(homeVariable) == "" {
		dirs = append(dirs, filepath.Join(dir, "gatehouse", "attach"))
	}
	if dir := userState(); dir != "" {
		dirs = append(dirs, filepath.Join(dir, "attach"))
	}
	return ownsocket.Dirs(dirs, "/tmp") // Not TMPDIR: it differs.
}

// runtimeFolders is where the system has a folder for each user that is logged in.
var runtimeFolders = "/run/user"

// userRuntimeFolder is /run/user/UID if it is there and this user's alone, else
// empty.
func userRuntimeFolder() string {
	dir := filepath.Join(runtimeFolders, strconv.Itoa(os.Getuid()))
	if runtime.GOOS != "linux" || ownsocket.CheckDir(dir) != nil {
		return ""
	}
	return dir
}

// attachPlace is where a gateway for these files belongs. It makes the folder.
func attachPlace(files attach.Files) (attach.Place, error) {
	errs := []error{}
	for _, dir := range attachFolders() {
		err := ownsocket.PrivateDir(dir)
		if err == nil {
			return attach.PlaceOf(dir, files), nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("there is no place for the socket of a shared gateway: this user has no home folder"))
	}
	return attach.Place{}, errors.Join(errs...)
}

// attachFiles are the files of a gateway as attach compares them.
func (f foundFiles) attachFiles() attach.Files {
	files := attach.Files{Servers: resolved(f.servers.Path), Rules: resolved(f.rules.Path)}
	for _, env := range f.envFiles {
		files.Env = append(files.Env, resolved(env.Path))
	}
	return files
}

// maxSearchPath is how many bytes of a PATH are kept.
const maxSearchPath = 64 << 10

func searchPathFile() string { return filepath.Join(userState(), "path") }

// keepSearchPath keeps this process's PATH for servers of gateways in the
// background, which have nobody's environment. It is for commands that a person
// types into a shell.
func keepSearchPath() error {
	if userState() == "" {
		return errors.New("there is no place to keep the PATH: this user has no home folder")
	}
	return safefile.WriteOwn(searchPathFile(), []byte(os.Getenv("PATH")+"\n"))
}

// searchPath is the PATH that was kept, else the usual one.
func searchPath() string {
	kept, err := safefile.ReadOwn(searchPathFile(), maxSearchPath)
	if path := strings.TrimSpace(string(kept)); err == nil && path != "" {
		return path
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return systemPath() // One that others may have written is none.
	}
	return usualPath()
}

// nobodysEnvironment is the environment of a gateway in the background: never that
// of the client that happened to start it.
func nobodysEnvironment() []string {
	env := append(ownEnvironment(), "PATH="+searchPath())
	if home := os.Getenv(homeVariable); home != "" {
		env = append(env, homeVariable+"="+home)
	}
	return append(env, testEnvironment...)
}

// testEnvironment is more of it in tests, whose program is the gateway only if a
// variable says so.
var testEnvironment []string

// startsGateways is false where the program is none.
var startsGateways = true
