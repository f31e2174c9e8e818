package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/internal/attach"
	"gatehouse/internal/childproc"
)

const (
	// startPatience is how long a gateway may take until clients can attach: it
	// waits for one that ends, which may take as long.
	startPatience = takeover + 15*time.Second
	// servicePatience is how long whoever started a gateway may take to start it
	// again, before attach starts one.
	servicePatience = restartWait
	// connectPause is how often it is tried meanwhile.
	connectPause = 20 * time.Millisecond
)

// connector connects one client to the shared gateway, which it starts if there is
// none.
type connector struct {
	place attach.Place
	hello attach.Hello
	args  []string // of a gateway that it starts
	note  io.Writer
}

// connector finds the files, and where their gateway is.
func (o *attachOptions) connector(stderr io.Writer) (*connector, error) {
	for _, name := range []string{serversVariable, rulesVariable, envFileVariable} {
		if os.Getenv(name) != "" {
			fmt.Fprintf(stderr, "gatehouse: attach does not heed %s: clients differ in their variables; use --config, --mcp-config, --rules or --env-file\n", name)
		}
	}
	found, err := o.find()
	if err != nil {
		return nil, err
	}
	files := found.attachFiles()
	place, err := attachPlace(files)
	if err != nil {
		return nil, err
	}
	args := []string{
		"run", "--transport", transportAttach, "--background", "--mcp-config", found.servers.Path, "--rules", found.rules.Path,
		"--linger", o.linger.String(), "--log-format", "json", "--log-file", attachLog(place),
	}
	for _, path := range found.envPaths() {
		args = append(args, "--env-file", path)
	}
	return &connector{place: place, args: args, note: stderr, hello: attach.Hello{
		Version: version(), Files: files, Agents: o.agents, Surface: o.surface, DrainMS: o.drainOnEOF.Milliseconds(), Flags: o.flags,
	}}, nil
}

// attachLogs is the folder with the logs of background gateways, and attachLog the log of
// the one at a place.
func attachLogs() string                  { return filepath.Join(userState(), "attach") }
func attachLog(place attach.Place) string { return place.Log(attachLogs()) }

// connect returns a connection to the gateway. It blocks until there is one, or
// returns why there is none.
func (c *connector) connect(ctx context.Context, before *attach.Welcome) (*attach.Link, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	mayStart := time.Now()
	if before != nil && before.Service {
		mayStart = mayStart.Add(servicePatience)
	}
	for {
		link, err := attach.Dial(ctx, c.place.Socket(), c.hello)
		if err == nil {
			c.compare(link.Welcome)
			return link, nil
		}
		if !errors.Is(err, attach.ErrNobody) {
			return nil, err
		}
		if !time.Now().Before(mayStart) {
			if err := c.start(ctx); err != nil {
				return nil, err
			}
		}
		select {
		case <-time.After(connectPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// compare tells the user of a gateway of another version.
func (c *connector) compare(w attach.Welcome) {
	if w.Version != c.hello.Version {
		fmt.Fprintf(c.note, "gatehouse: the gateway is version %s, and this is %s: \"gatehouse restart --gateway\" replaces it\n", line(w.Version), c.hello.Version)
	}
}

// start starts a gateway in the background, unless somebody else does or there is
// one by now.
func (c *connector) start(ctx context.Context) error {
	lock, err := c.place.LockStart()
	if errors.Is(err, attach.ErrTaken) {
		return nil // Somebody else starts it.
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	if attach.Present(ctx, c.place) {
		return nil
	}
	return startGateway(ctx, c.args, attachLog(c.place), c.note)
}

// startGateway starts a gateway in the background, with nobody's environment, and
// blocks until clients can attach to it, or to another one. note has what the user
// should know.
func startGateway(ctx context.Context, args []string, logFile string, note io.Writer) error {
	if !startsGateways {
		return errors.New("this program cannot start a gateway: it is a test")
	}
	if err := os.MkdirAll(filepath.Dir(logFile), 0o700); err != nil {
		return fmt.Errorf("cannot make a folder for the log %s of the gateway: %w", logFile, reasonOf(err))
	}
	log, err := os.OpenFile(logFile, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write the log %s of the gateway: %w", logFile, reasonOf(err))
	}
	defer func() { _ = log.Close() }() // It was only read.
	info, err := log.Stat()
	if err != nil {
		return err
	}
	said, ready, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot start a gateway: %w", err)
	}
	defer func() { _ = said.Close() }() // It was only read.
	bound, err := childproc.Detach(childproc.Detached{Args: args, Env: nobodysEnvironment(), Stderr: log, Extra: ready})
	_ = ready.Close() // The gateway has it.
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = said.Close() })
	defer stop()
	word, _ := bufio.NewReaderSize(said, 16).ReadString('\n') // Without a word it did not start.
	switch {
	case word == saysReady, word == saysTaken:
		if bound {
			fmt.Fprintln(note, "gatehouse: this command is in a job that nothing may leave, so when that ends the shared gateway ends too; "+
				"for one that stays, run \"gatehouse run --transport attach\" in a terminal or at login")
		}
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("the gateway does not come up in time; its log is %s", logFile)
	}
	return fmt.Errorf("the gateway did not start; its log is %s%s", logFile, whyNot(log, info.Size()))
}

// maxWhyNot is how much of a log is read for the reason, in bytes.
const maxWhyNot = 16 << 10

// whyNot is what a gateway that did not start said for people, on lines of its own:
// the rest of its log is JSON.
func whyNot(log io.ReaderAt, from int64) string {
	text := make([]byte, maxWhyNot)
	n, _ := log.ReadAt(text, from) // What was read counts.
	var said strings.Builder
	for l := range bytes.Lines(text[:n]) {
		if !bytes.HasPrefix(l, []byte("{")) {
			said.WriteString("\n  " + line(strings.TrimRight(string(l), "\n")))
		}
	}
	return said.String()
}
