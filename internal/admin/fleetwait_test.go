package admin_test

import (
	"runtime"
	"strings"
	"testing"

	"gatehouse/internal/admin"
)

// What it says to do can be done: there is no name for one instance.
func TestFleetWait_ofAnInstance_namesItsServer(t *testing.T) {
	got := admin.FleetWait{Node: "n1", Server: "db[ci]", Of: "db", At: []string{"n2"}}.Reason()
	if want := `"gatehouse release db --from n2" starts it all the same, with all other instances`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s in it", got, want)
	}
}

func TestFleetWait_quotesNamesInTheCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its shells quote otherwise")
	}
	for server, want := range map[string]string{
		"a&b":  `"gatehouse release 'a&b' --from 'n 2'" starts it`,
		"a[b]": `"gatehouse release 'a[b]' --from 'n 2'" starts it`,
		"-x":   `"gatehouse release --from 'n 2' -- -x" starts it`,
	} {
		if got := (admin.FleetWait{Node: "n1", Server: server, At: []string{"n 2"}}).Reason(); !strings.Contains(got, want) || strings.Contains(got, "instances") {
			t.Errorf("got %s, want %s in it, and nothing of instances", got, want)
		}
	}
}
