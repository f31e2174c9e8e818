//go:build unix

package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// ownHome is the home of the user's entry in passwd, empty if there is none.
func ownHome() string {
	u, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		return ""
	}
	return u.HomeDir
}

// settledVariable is empty: the user id settles no variables.
func settledVariable(string) string { return "" }

// systemPath is a PATH that most systems have, and usualPath one with the user's own
// programs.
func systemPath() string {
	return "/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

func usualPath() string { return filepath.Join(userHome(), ".local", "bin") + ":" + systemPath() }

// ownEnvironment is what follows from the user id, without a PATH.
func ownEnvironment() []string {
	env := []string{"HOME=" + userHome()}
	if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil {
		env = append(env, "USER="+u.Username, "LOGNAME="+u.Username)
	}
	if dir := userRuntimeFolder(); dir != "" && os.Getenv(homeVariable) == "" {
		env = append(env, sessionBus(dir)...)
	}
	return env
}

// sessionBus is the variable that names the session's bus in a user's runtime folder,
// where the keyring is; nothing if there is none. Clients seldom pass it on.
func sessionBus(dir string) []string {
	path := filepath.Join(dir, "bus")
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSocket == 0 {
		return nil
	}
	return []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=" + path}
}
