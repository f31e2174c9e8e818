package locate

import (
	"path/filepath"
	"strings"
)

// ConfigDir is the folder of the user's configuration: $XDG_CONFIG_HOME or
// ~/.config, also on macOS; %AppData% on windows. It is empty when there is
// no home. Relative values of the variables are ignored.
func ConfigDir(goos string, getenv func(string) string, home string) string {
	if goos == "windows" {
		return userDir(getenv("APPDATA"), home, "AppData", "Roaming")
	}
	return userDir(getenv("XDG_CONFIG_HOME"), home, ".config")
}

// StateDir is the folder of what programs keep for the user: $XDG_STATE_HOME
// or ~/.local/state; %LocalAppData% on windows. It is empty when there is no
// home.
func StateDir(goos string, getenv func(string) string, home string) string {
	if goos == "windows" {
		return userDir(getenv("LOCALAPPDATA"), home, "AppData", "Local")
	}
	return userDir(getenv("XDG_STATE_HOME"), home, ".local", "state")
}

// StateFolder is the folder of what gatehouse itself keeps: what systemd gives
// it as STATE_DIRECTORY (StateDirectory= of its unit), else gatehouse below
// StateDir. It is empty when there is neither.
func StateFolder(goos string, getenv func(string) string, home string) string {
	if dir := systemdDir(getenv("STATE_DIRECTORY")); dir != "" {
		return dir
	}
	if dir := StateDir(goos, getenv, home); dir != "" {
		return filepath.Join(dir, "gatehouse")
	}
	return ""
}

// LogsFolder is the folder of gatehouse's audit log: LOGS_DIRECTORY of systemd,
// else StateFolder.
func LogsFolder(goos string, getenv func(string) string, home string) string {
	if dir := systemdDir(getenv("LOGS_DIRECTORY")); dir != "" {
		return dir
	}
	return StateFolder(goos, getenv, home)
}

// RuntimeFolders are the folders in which gatehouse's sockets may be, the
// preferred one first: below RUNTIME_DIRECTORY of systemd, below
// XDG_RUNTIME_DIR, below StateFolder.
func RuntimeFolders(goos string, getenv func(string) string, home string) []string {
	var dirs []string
	if dir := systemdDir(getenv("RUNTIME_DIRECTORY")); dir != "" {
		dirs = append(dirs, filepath.Join(dir, "run"))
	}
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		dirs = append(dirs, filepath.Join(dir, "gatehouse"))
	}
	if dir := StateFolder(goos, getenv, home); dir != "" {
		dirs = append(dirs, filepath.Join(dir, "run"))
	}
	return dirs
}

// systemdDir is the first of the folders that systemd gives a service in one of
// its variables.
func systemdDir(value string) string {
	first, _, _ := strings.Cut(value, ":")
	if !strings.HasPrefix(first, "/") {
		return ""
	}
	return filepath.Clean(first)
}

func userDir(value, home string, below ...string) string {
	switch {
	case filepath.IsAbs(value):
		return filepath.Clean(value)
	case home == "":
		return ""
	}
	return filepath.Join(append([]string{home}, below...)...)
}
