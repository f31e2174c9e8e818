package locate

import (
	"path/filepath"
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

func userDir(value, home string, below ...string) string {
	switch {
	case filepath.IsAbs(value):
		return filepath.Clean(value)
	case home == "":
		return ""
	}
	return filepath.Join(append([]string{home}, below...)...)
}
