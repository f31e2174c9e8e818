package fleet_test

import (
	"strings"
	"testing"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// A gateway that cannot start a server has another one start it for its own agents: nobody
// else has called it yet.
func TestClaims_whatOneCannotStart_isStartedElsewhereForItsCalls(t *testing.T) {
	for setting, value := range map[string]string{"start": "lazy", "scope": "agent"} {
		repeated(t, func(t *testing.T) {
			o := rotating()
			o.Servers = 1
			f := kit.Start(t, o)
			f.Apply(f.With("other", o.Entry(f.Fake("other")).Settings(setting, value)), rules(1))
			lacks := f.Nodes[2]
			lacks.Write("vars.env", "OTHER=1\n")
			testkit.Eventually(t, "it knows that it cannot start the server", func() bool {
				out, err := lacks.Command("status", "other")
				return err == nil && strings.Contains(out, "cannot run here: ") && strings.Contains(out, "ROTATES")
			})
			answered(t, f, lacks, "other", "first")
			testkit.Eventually(t, "the call ran once", func() bool { return f.Eye.Ran("first") == 1 })
			lacks.Write("vars.env", "ROTATES=two\n")
			testkit.Eventually(t, "it could start the server again", func() bool {
				out, err := lacks.Command("status", "other")
				return err == nil && !strings.Contains(out, "cannot run here: ")
			})
			answered(t, f, lacks, "other", "second")
		})
	}
}
