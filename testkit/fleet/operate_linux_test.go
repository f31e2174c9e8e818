package fleet_test

import (
	"strings"
	"testing"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// TestFleet_anyGateway_operatesAll asks a gateway that does not run the server, which
// agents call all the while through both.
func TestFleet_anyGateway_operatesAll(t *testing.T) {
	t.Parallel()
	x := begin(t, kit.Options{Nodes: 2, Servers: 1})
	f, server, owner, other := x.Fleet, kit.Server(0), x.owner, x.others[0]
	byStore := append([]string{"move", server}, append(f.StoreFlags(), owner.PeerFlags()...)...)
	for _, args := range [][]string{{"move", server, other.ID}, {"move", server}, byStore} {
		asked, to := f.Others(owner)[0], f.Others(owner)[0]
		want := `"` + server + `": it is ready at ` + to.ID + " now; it was at " + owner.ID + "\n"
		if got, err := asked.Command(args...); err != nil || got != want {
			t.Fatalf("%q: got %q and %v, want %q", args, got, err, want)
		}
		if got := f.AwaitOwner(server); got != to {
			t.Fatalf("it runs at %s, want %s", got.ID, to.ID)
		}
		owner = to
	}
	for _, c := range []struct{ args, want string }{
		{"move " + server + " " + owner.ID, "at " + owner.ID + " already"},
		{"move " + server + " n9", `no gateway "n9": there are n1, n2`},
		{"move nobody", `no server "nobody"`},
	} {
		if got, err := f.Others(owner)[0].Command(strings.Fields(c.args)...); err == nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q and %v, want it refused with %q", c.args, got, err, c.want)
		}
	}
	if got, err := owner.Command(append([]string{"fleet"}, f.StoreFlags()...)...); err != nil || !strings.Contains(got, "as its store says: 2 gateways") {
		t.Errorf("fleet by its store: got %q and %v, want both gateways", got, err)
	}
	x.noneFailed()
	operatedFromElsewhere(t, f, owner) // A restart starts the new process while the old one drains.
	refusedWhereItMustNotRun(t, f)
}

// refusedWhereItMustNotRun asks for what cannot have an effect.
func refusedWhereItMustNotRun(t *testing.T, f *kit.Fleet) {
	t.Helper()
	asked := f.Nodes[1]
	f.Apply(testkit.Servers{"off": {"command": "off", "disabled": true}}.JSON(), rules(1))
	for _, action := range []string{"restart", "release"} {
		testkit.Eventually(t, action+" is refused of a server that is disabled", func() bool {
			got, err := asked.Command(action, "off")
			return err != nil && strings.Contains(got, `"off" is disabled at this gateway`)
		})
	}
	if got, err := asked.Command("hold", "off"); err != nil {
		t.Errorf("hold: got %q and %v, want it held: its entry may change", got, err)
	}
	if got, err := asked.Command("release", "off"); err != nil || !strings.Contains(got, "does not start: it is disabled") {
		t.Errorf("release: got %q and %v, want the hold ended, and that it does not start all the same", got, err)
	}
}

// operatedFromElsewhere does to a server what operators do, at a gateway that does not run
// it, and reads the logs of both. A command returns once that gateway follows.
func operatedFromElsewhere(t *testing.T, f *kit.Fleet, owner *kit.Node) {
	t.Helper()
	server, asked := kit.Server(0), f.Others(owner)[0]
	does := func(command, want string) {
		t.Helper()
		if got, err := asked.Command(strings.Fields(command)...); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: got %q and %v, want %q", command, got, err, want)
		}
	}
	does("hold "+server+" --reason disk", "generation")
	testkit.Eventually(t, "nothing of it lives", func() bool { return len(f.Eye.Live(server)) == 0 })
	if got, err := asked.Command("restart", server); err == nil || !strings.Contains(got, "disk: release it first") {
		t.Errorf("restart while it is held: got %q and %v, want it refused as without a fleet", got, err)
	}
	does("release "+server, "starts afresh")
	f.Eye.AwaitCopy(server)
	held := len(f.Eye.Copies()[server])
	does("restart "+server, "is ready")
	testkit.Eventually(t, "another process of it lives alone", func() bool {
		return len(f.Eye.Copies()[server]) > held && len(f.Eye.Live(server)) == 1
	})
	restarted := len(f.Eye.Copies()[server])
	does("release "+server, "is ready, and goes on")
	does("logs --node "+owner.ID+" --server "+server, "node="+asked.ID)
	does("logs --all", "logged_by="+owner.ID)
	does("logs --all", "logged_by="+asked.ID)
	if n := len(f.Eye.Copies()[server]) - restarted; n != 0 {
		t.Errorf("%d processes of %s were started as it was released when healthy, want none", n, server)
	}
	for args, want := range map[string]string{"logs --node n9": "there are n1, n2", "logs --all -f": "run it at each gateway"} {
		if got, err := asked.Command(strings.Fields(args)...); err == nil || !strings.Contains(got, want) {
			t.Errorf("%s: got %q and %v, want it refused with %q", args, got, err, want)
		}
	}
}
