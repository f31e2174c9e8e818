package admin_test

import (
	"runtime"
	"strings"
	"testing"

	"gatehouse/internal/admin"
)

// What it says to do can be done: there is no name for one instance.
func TestFleetWait_ofAnInstance_namesItsServer(t *testing.T) {
	got := admin.FleetWait{Node: "n1", Server: "db[ci]", At: []string{"n2"}}.Reason()
	if want := `"gatehouse release db --from n2" starts it all the same, with all other instances`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s in it", got, want)
	}
}

func TestFleetWait_quotesNamesInTheCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its shells quote otherwise")
	}
	got := admin.FleetWait{Node: "n1", Server: "a&b", At: []string{"n 2"}}.Reason()
	if want := `"gatehouse release 'a&b' --from 'n 2'"`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s in it", got, want)
	}
}
