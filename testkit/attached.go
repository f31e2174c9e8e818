package testkit

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
)

// attachVariable puts "gatehouse attach" and a shared gateway in the place of each
// gateway that serves stdio: what holds for one holds for the other.
const attachVariable = "GATEHOUSE_TEST_ATTACH"

// ofTheClient are the flags that attach has, too, and that are about one client.
var ofTheClient = []string{"--agent", "--drain-on-eof", "--surface"}

// behindAttach reports whether the client of this gateway is to attach to it.
func (o Options) behindAttach() bool {
	return o.Stdio && (o.Attach || !o.Search && AttachesAll())
}

// AttachesAll reports whether all gateways of this run that serve stdio are behind
// attach.
func AttachesAll() bool { return os.Getenv(attachVariable) != "" }

// OfRunAlone skips a test of what run does with its own flags and streams where attach
// stands in its place. instead says what shows the same of attach, or why there is no
// such thing.
func OfRunAlone(t testing.TB, instead string) {
	t.Helper()
	if AttachesAll() {
		t.Skip("not with attach in the place of run: " + instead)
	}
}

// splitArgs tells the flags of the client's attach from those of the gateway.
func splitArgs(args []string) (client, gateway []string) {
	for i := 0; i < len(args); i++ {
		if slices.Contains(ofTheClient, args[i]) && i+1 < len(args) {
			client = append(client, args[i], args[i+1])
			i++
			continue
		}
		gateway = append(gateway, args[i])
	}
	return client, gateway
}

// attachClient starts attach as the client of this gateway. Its end is the
// gateway's.
func (g *Gateway) attachClient(t testing.TB, program string, args []string) {
	t.Helper()
	cmd := exec.Command(program, append([]string{"attach", "--mcp-config", g.ServersFile, "--rules", g.RulesFile}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stderr = g.Dir, g.opt.environment(g.Dir), t.Output()
	var err error
	g.stdin, err = cmd.StdinPipe()
	check(t, err)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	g.Await(t, "clients may attach")
	check(t, cmd.Start())
	g.stdout = newTee(stdout, true)
	go func() {
		<-g.stdout.ended
		_ = cmd.Wait()
		_ = g.cmd.Process.Signal(syscall.SIGTERM) // It may have ended.
	}()
}
