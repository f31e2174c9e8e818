//go:build unix

package e2e_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gatehouse/testkit"
)

// TestConformance_aServerAsItIs runs the official suite through the surface of one
// server, in front of the conformance server of the official Go SDK.
func TestConformance_aServerAsItIs(t *testing.T) {
	page := readConformancePage(t)
	server := goSDKServer(t)
	for revision, mode := range map[string]string{legacy: "-stateless=false", stateless: "-stateless=true"} {
		t.Run(revision, func(t *testing.T) {
			everything := testkit.Entry{"url": listening(t, server, mode)}
			if revision == legacy { // It asks its client for things, so it must know whose it is.
				everything = everything.Settings("scope", "session")
			}
			g := testkit.StartGateway(t, testkit.Options{
				Servers: testkit.Servers{"everything": everything}.JSON(),
				Rules:   testkit.AllowAll("agent"),
				Args:    []string{"--agent", "agent"},
				Env:     []string{testkit.Built(t)},
			})
			if revision == stateless { // Of the other one none runs before there is a session.
				g.Await(t, "server ready")
			}
			outcome := runSuite(t, g.BaseURL(t)+"/servers/everything", revision)
			for _, s := range page {
				if s.words[revision] != "" {
					got, ran := outcome[s.name]
					got = slices.DeleteFunc(got, func(c check) bool { return c.ID == listStaysTheSame })
					s.judgeBy(t, s.asIs, got, ran)
				}
			}
		})
	}
}

// listStaysTheSame is a check, of a "should", that has the server add a tool which it
// has already: the gateway tells clients of differences.
const listStaysTheSame = "sep-2575-server-sends-tools-list-changed-on-subscription"

// goSDKServer builds the conformance server of the official Go SDK.
func goSDKServer(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "everything-server")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", testdata(t, "gosdk"), "-o", path,
		"github.com/modelcontextprotocol/go-sdk/conformance/everything-server")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the server on the Go SDK: %v\n%s", err, out)
	}
	return path
}

// listening starts a server that takes an address, and returns where it listens.
func listening(t *testing.T, program string, args ...string) string {
	t.Helper()
	address := testkit.FreeAddress(t)
	cmd := exec.Command(program, append(args, "-http", address)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // It ends by nothing else.
		_ = cmd.Wait()
	})
	testkit.Eventually(t, "the server listens", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	return "http://" + address
}
