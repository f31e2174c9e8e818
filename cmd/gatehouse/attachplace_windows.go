package main

import (
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"gatehouse/internal/childproc"
	"gatehouse/internal/vars"
)

// profile is the environment that the user alone settles. Without one there is none.
var profile = sync.OnceValue(func() []string {
	env, _ := childproc.ProfileEnvironment()
	return env
})

// ownHome is the home of the user's profile, empty if unknown.
func ownHome() string {
	u, err := user.Current() // By the token of this process.
	if err != nil {
		return ""
	}
	return u.HomeDir
}

// settledVariable is a variable of the user's profile: the folders of its data may be
// elsewhere than below its home.
func settledVariable(name string) string {
	var value string
	for _, entry := range profile() {
		if key, text, ok := vars.CutEnv(entry); ok && strings.EqualFold(key, name) {
			value = text
		}
	}
	return value
}

// usualPath is the PATH of a user who has just logged in, and systemPath the same.
func usualPath() string  { return settledVariable("PATH") }
func systemPath() string { return usualPath() }

// ownEnvironment is what servers get of the profile, with another home if there is to
// be one.
func ownEnvironment() []string {
	env := vars.BaseEnv(profile(), "windows")
	if home := userHome(); home != ownHome() {
		env = append(env, "USERPROFILE="+home, "APPDATA="+filepath.Join(home, "AppData", "Roaming"),
			"LOCALAPPDATA="+filepath.Join(home, "AppData", "Local"), "HOMEDRIVE="+filepath.VolumeName(home), "HOMEPATH="+home[len(filepath.VolumeName(home)):])
	}
	return slices.Clip(env)
}
