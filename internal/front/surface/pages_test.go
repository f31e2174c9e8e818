package surface_test

import (
	"fmt"
	"testing"

	"gatehouse/internal/front/surface"
	"gatehouse/testkit"
)

func TestAll_theURIOfAToolsPage_isPrefixed(t *testing.T) {
	s := newAll(t, allowAll, testkit.ReadyBackend("my db", testkit.Hangs).Has(
		`{"name":"a", "_meta":{"x":1.0, "ui":{ "resourceUri" : "ui://a/%7E", "visibility":["app"]}}}`,
		`{"name":"b","_meta":{"ui":{"resourceUri":1}}}`,
		`{"name":"c","_meta":{"ui":"ui://c"}}`,
		`{"name":"d","_meta":[]}`,
		`{"name":"e","ui":{"resourceUri":"ui://e"}}`,
		`{"name":"f","_meta":{"ui/resourceUri":"ui://f"}}`,
	))
	shown := func(name string) string { return surface.JoinedName("my db", name) }
	got, failure := s.ask(old, "tools/list", "")
	want := fmt.Sprintf(`{"tools":[`+
		`{"name":%q, "_meta":{"x":1.0, "ui":{ "resourceUri" : "gatehouse://my%%20db/ui://a/%%7E", "visibility":["app"]}}},`+
		`{"name":%q,"_meta":{"ui":{"resourceUri":1}}},`+
		`{"name":%q,"_meta":{"ui":"ui://c"}},`+
		`{"name":%q,"_meta":[]},`+
		`{"name":%q,"ui":{"resourceUri":"ui://e"}},`+
		`{"name":%q,"_meta":{"ui/resourceUri":"gatehouse://my%%20db/ui://f"}}]}`, shown("a"), shown("b"), shown("c"), shown("d"), shown("e"), shown("f"))
	if got != want {
		t.Errorf("got %s %s, want %s", got, failure, want)
	}
}
