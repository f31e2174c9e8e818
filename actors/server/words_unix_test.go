//go:build unix

package server_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/testkit"
)

func TestLauncher_serverThatEndsAtItsStart_isQuoted(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"on stderr":                    {`echo "Error: Cannot find module x" >&2; exit 1`, "exit status 1: Error: Cannot find module x"},
		"on stderr, without a newline": {`printf 'fatal: no key' >&2; exit 2`, "exit status 2: fatal: no key"},
		"on stdout":                    {`echo "the input device is not a TTY"; exit 1`, "exit status 1: the input device is not a TTY"},
		"on stdout, without a newline": {`printf 'no API key'; exit 1`, "exit status 1: no API key"},
		"usage and an end with 0":      {`echo "Usage: server FOLDER"; echo "  --help  show help"; exit 0`, "exit status 0: Usage: server FOLDER"},
		"stderr goes before stdout":    {`echo "Error: on stdout"; echo "Error: on stderr" >&2; exit 1`, "exit status 1: Error: on stderr"},
		"a secret":                     {`echo "Error: key s3cr3t-value refused" >&2; exit 1`, "exit status 1: Error: key [redacted TOKEN] refused"},
		"a secret with colors in it":   {`printf 'Error: key s3cr3t\033[1m-value refused\n' >&2; exit 1`, "exit status 1: Error: key [redacted TOKEN] refused"},
		"nothing":                      {`exit 3`, "exit status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := fakePlan(t, "-c", c.script)
			plan.Spec.Command = "sh"
			_, err := server.NewLauncher("1", instance, nil).Open(within(t), plan, 1, quiet())
			exit, ok := errors.AsType[*endpoint.Exit](err)
			if !ok || exit.Reason != c.want || exit.Phase != endpoint.Handshake {
				t.Errorf("got %#v, want the reason %q in phase %q", err, c.want, endpoint.Handshake)
			}
		})
	}
}

func TestLauncher_serverThatClosesItsOutput_isSaidToHaveDoneSo(t *testing.T) {
	plan := fakePlan(t, "-c", `exec >&-; while read line; do :; done; sleep 600`)
	plan.Spec.Command = "sh"
	_, err := server.NewLauncher("1", instance, nil).Open(within(t), plan, 1, quiet())
	if exit, ok := errors.AsType[*endpoint.Exit](err); !ok || exit.Reason != "cannot initialize the session: the server closed its output" {
		t.Errorf("got %v, want that the server closed its output", err)
	}
}

// A server that asks at its terminal never answers; what it asks is what its
// owner must know.
func TestLauncher_serverThatAsks_isQuotedWhenItsTimeIsUp(t *testing.T) {
	plan := fakePlan(t, "-c", `echo "Need to install the following packages:" >&2; printf 'Ok to proceed? (y) ' >&2; touch asked; sleep 600`)
	plan.Spec.Command = "sh"
	ctx, cancel := context.WithCancelCause(within(t))
	opened := make(chan error, 1)
	go func() {
		_, err := server.NewLauncher("1", instance, nil).Open(ctx, plan, 1, quiet())
		opened <- err
	}()
	testkit.Eventually(t, "the question", func() bool {
		_, err := os.Stat(plan.Spec.Cwd + "/asked")
		return err == nil
	})
	cancel(errors.New("out of time"))
	err := <-opened
	exit, ok := errors.AsType[*endpoint.Exit](err)
	if want := "Ok to proceed? (y)"; !ok || exit.Said != want {
		t.Errorf("got %#v, want it to have said %q", err, want)
	}
}
