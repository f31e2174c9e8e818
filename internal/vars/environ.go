package vars

import (
	"slices"
	"strings"
)

// baseNames and basePrefixes are the variables of the gateway's own
// environment that every child gets; docs/CONFIG.md lists them.
var (
	baseNames = []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TERM", "TMPDIR",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE",
	}
	basePrefixes = []string{"LC_", "XDG_"}
	windowsNames = []string{
		"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATHEXT", "COMSPEC", "TEMP", "TMP",
		"USERPROFILE", "USERNAME", "USERDOMAIN", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA",
		"PROGRAMDATA", "ALLUSERSPROFILE", "PUBLIC", "PROGRAMFILES", "PROGRAMFILES(X86)", "PROGRAMW6432",
		"COMMONPROGRAMFILES", "COMMONPROGRAMFILES(X86)", "COMMONPROGRAMW6432", "COMPUTERNAME", "OS",
		"NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
	}
)

// BaseEnv picks from environ, a list of NAME=value, what every child process
// gets besides its own Spec.Env. The result is sorted and shares no memory
// with environ. On windows case does not matter in names.
func BaseEnv(environ []string, goos string) []string {
	var base []string
	for _, entry := range environ {
		if name, _, ok := CutEnv(entry); ok && isBase(name, goos) {
			base = append(base, entry)
		}
	}
	slices.Sort(base)
	return base
}

func isBase(name, goos string) bool {
	if goos == windows {
		name = strings.ToUpper(name)
		if slices.Contains(windowsNames, name) {
			return true
		}
	}
	return slices.Contains(baseNames, name) ||
		slices.ContainsFunc(basePrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

const windows = "windows"

// CutEnv takes NAME=value apart. Windows has entries like "=C:=C:\dir", which
// are no variables.
func CutEnv(entry string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(entry, "=")
	return name, value, ok && name != ""
}

// FoldName makes names comparable on the given system.
func FoldName(name, goos string) string {
	if goos == windows {
		return strings.ToUpper(name)
	}
	return name
}
