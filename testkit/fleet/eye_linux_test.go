package fleet_test

import (
	"testing"

	kit "gatehouse/testkit/fleet"
)

// What was killed is there until it gets a processor, and counts as nobody who acts.
func TestEye_whatIsKilled_doesNotAct(t *testing.T) {
	const pending0, pending9 = " 0 ", " 256 "
	line := func(state, flags, pending string) string {
		return "5139 (fake) server) " + state + " 1 5139 5139 0 -1 " + flags + " 1020 0 0 0 1 0 0 0 20 0 9 0 1314569 1268940800 1300 18446744073709551615 4194304 6184505 140 0 0" + pending + "0 4096 2143420159 0 0 0 17 1 0 0 0 0 0"
	}
	for what, c := range map[string]struct {
		line string
		want bool
	}{
		"it waits":                        {line("S", "4194560", pending0), true},
		"it runs":                         {line("R", "4194560", pending0), true},
		"it was stopped":                  {line("T", "4194560", pending0), false},
		"it was killed":                   {line("R", "4194560", pending9), false},
		"it was killed in an operation":   {line("D", "4194560", pending9), false},
		"it ends":                         {line("R", "4194564", pending0), false},
		"nobody has asked how it ended":   {line("Z", "4194564", pending0), false},
		"there is no such process":        {"", false},
		"another signal of it is to come": {line("R", "4194560", " 16384 "), true},
	} {
		if got := kit.Acts(c.line); got != c.want {
			t.Errorf("%s: got that it acts: %v, want %v", what, got, c.want)
		}
	}
}
