package childproc

import (
	"errors"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// OpenBrowser has the user's browser show an address: with the program that $BROWSER
// names, else the one of the system. No shell sees the address, but other users may,
// in the list of processes; only http and https ones are opened. It returns once the
// program has been started, and an error where ShowsPages reports false.
func OpenBrowser(address string) error {
	if !ShowsPages() {
		return errors.New("there is no display here")
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.HasPrefix(address, "-") {
		return errors.New("only addresses that begin with http:// or https:// are opened")
	}
	for _, c := range browsers(os.Getenv("BROWSER"), runtime.GOOS) {
		path, err := exec.LookPath(c[0])
		if err != nil {
			continue
		}
		cmd := exec.Command(path, append(c[1:len(c):len(c)], address)...) //nolint:noctx // It outlives the command.
		if err := cmd.Start(); err != nil {
			return errors.New("the program for it cannot be started")
		}
		go func() { _ = cmd.Wait() }() // Ends with the program; nobody waits for its verdict.
		return nil
	}
	return errors.New("there is no program for it here")
}

// ShowsPages reports whether a browser that is started here would be seen by the
// person who starts it: not without a display, nor on a machine that they reach by
// SSH. A program that $BROWSER names is believed to know.
func ShowsPages() bool { return showsPages(os.Getenv, runtime.GOOS) }

func showsPages(getenv func(string) string, goos string) bool {
	if getenv("BROWSER") != "" {
		return true
	}
	switch goos {
	case "darwin", "windows":
		return getenv("SSH_CONNECTION") == ""
	}
	return getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""
}

// browsers lists the programs that show an address, the best first.
func browsers(chosen, goos string) [][]string {
	var list [][]string
	for name := range strings.SplitSeq(chosen, string(os.PathListSeparator)) {
		if name != "" && !strings.HasPrefix(name, "-") && !strings.Contains(name, "%s") {
			list = append(list, []string{name})
		}
	}
	switch goos {
	case "darwin":
		return append(list, []string{"open"})
	case "windows":
		return append(list, []string{"rundll32", "url.dll,FileProtocolHandler"})
	}
	return append(list, []string{"xdg-open"})
}
