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
// names, else the one of the system. No shell sees the address, and only http and
// https ones are opened. It returns once the program has been started.
func OpenBrowser(address string) error {
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
