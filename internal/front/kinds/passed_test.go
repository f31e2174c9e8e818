package kinds_test

import (
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front/kinds"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

const passedRules = `{"agents": {
	"ci": {"allow": {"servers": ["db"], "tools": {"db": ["query"]}, "resources": {"db": ["file:///a*"]}, "prompts": {"db": ["sum"]}}},
	"all": {"allow": {"servers": ["db"]}},
	"reader": {"allow": {"servers": ["db"], "tools": {"db": ["@readOnly"]}}},
	"off": {}
}}`

func TestDecidePassed(t *testing.T) {
	db := testkit.ReadyBackend("db", testkit.Says(`{}`)).With(func(e *serversfile.Entry) { e.Settings.PassMethods = []string{"x/*"} })
	db.Cell.PublishCatalog(endpoint.Catalog{Known: true, Tools: []endpoint.Tool{
		{Name: "query", Raw: []byte(`{"name":"query","annotations":{"readOnlyHint":true},"_meta":{"ui":{"resourceUri":"ui://query"}}}`)},
		{Name: "drop", Raw: []byte(`{"name":"drop","_meta":{"ui":{"resourceUri":"ui://drop"}}}`)},
	}})
	rules := testkit.NewStage(t, passedRules, db).Snapshot().Policy
	for _, c := range []struct {
		agent, method, params string
		want                  bool
	}{
		{"ci", "tools/call", `{"name":"query"}`, true},
		{"ci", "tools/call", `{"name":"drop"}`, false},
		{"ci", "tools/call", `{"name":"query","name":"drop"}`, false},
		{"ci", "tools/call", `{"name":"query","Name":"drop"}`, false},
		{"ci", "tools/call", `{"name":"query"},"params":{"name":"drop"}`, false},
		{"ci", "tools/call", `{"name":["query"]}`, false},
		{"ci", "tools/call", ``, false},
		{"all", "tools/call", `{"name":"drop"}`, true},
		{"off", "tools/call", `{"name":"query"}`, false},
		{"nobody", "tools/call", `{"name":"query"}`, false},
		{"", "tools/call", `{"name":"query"}`, false},
		{"reader", "tools/call", `{"name":"query"}`, true},
		{"reader", "tools/call", `{"name":"drop"}`, false},
		{"ci", "prompts/get", `{"name":"sum"}`, true},
		{"ci", "prompts/get", `{"name":"other"}`, false},
		{"ci", "resources/read", `{"uri":"file:///a1"}`, true},
		{"ci", "resources/read", `{"uri":"file:///b"}`, false},
		{"ci", "resources/read", `{"uri":"file:///a/../b"}`, false},
		{"ci", "resources/read", `{"uri":"ui://query"}`, true},
		{"ci", "resources/read", `{"uri":"ui://drop"}`, false},
		{"ci", "resources/subscribe", `{"uri":"file:///a1"}`, true},
		{"ci", "resources/subscribe", `{"uri":"file:///b"}`, false},
		{"", "resources/subscribe", `{"uri":"file:///b"}`, true}, // For "all".
		{"", "resources/read", `{"uri":"file:///a1"}`, false},
		{"ci", "completion/complete", `{"ref":{"type":"ref/prompt","name":"sum"}}`, true},
		{"ci", "completion/complete", `{"ref":{"type":"ref/prompt","name":"other"}}`, false},
		{"ci", "completion/complete", `{"ref":{"type":"ref/resource","uri":"file:///b{x}"}}`, false},
		{"ci", "completion/complete", `{"ref":{"type":"ref/other","name":"sum"}}`, false},
		{"ci", "completion/complete", `{"ref":{"type":"ref/prompt","name":"other"},"ref":{"type":"ref/prompt","name":"sum"}}`, false},
		{"ci", "completion/complete", `{"ref":{"type":"ref/prompt","name":"sum"},"Ref":{"type":"ref/prompt","name":"other"}}`, false},
		{"ci", "completion/complete", `{"ref":{"type":"ref/prompt","name":"sum","Name":"other"}}`, false},
		{"ci", "prompts/get", `{"name":"other","name":"sum"}`, false},
		{"ci", "resources/read", `{"uri":"file:///a1","URI":"file:///b"}`, false},
		{"ci", "tasks/get", `{"taskId":"1"}`, true},
		{"off", "tasks/get", `{"taskId":"1"}`, false},
		{"", "tasks/get", `{"taskId":"1"}`, false},
		{"", "tasks/cancel", `{"taskId":"1"}`, true},
		{"", "tools/list", `{}`, true},
		{"", "resources/templates/list", `{}`, true},
		{"all", "x/do", `{}`, true},
		{"ci", "x/do", `{}`, false},
		{"all", "y/do", `{}`, false},
		{"all", "logging/setLevel", `{"level":"debug"}`, false},
		{"all", "initialize", `{}`, false},
		{"all", "", `{}`, false},
	} {
		d := kinds.DecidePassed(rules, &db.Entry, db.Cell, kinds.Passed{Agent: c.agent, Method: c.method, Params: []byte(c.params)})
		if d.Allow != c.want {
			t.Errorf("%s as %q with %s: got allowed %t at step %v, want %t", c.method, c.agent, c.params, d.Allow, d.Step, c.want)
		}
	}
	tasks := kinds.Passed{Method: "tasks/get", Params: []byte(`{"taskId":"1"}`), Hear: true}
	if d := kinds.DecidePassed(rules, &db.Entry, db.Cell, tasks); !d.Allow {
		t.Errorf("to hear of tasks of a server that somebody may use: got a denial at step %v, want none", d.Step)
	}
	nobody := testkit.NewStage(t, `{"agents": {"off": {}}}`, db).Snapshot().Policy
	subscribe := kinds.Passed{Method: "resources/subscribe", Params: []byte(`{"uri":"file:///b"}`)}
	if d := kinds.DecidePassed(nobody, &db.Entry, db.Cell, subscribe); d.Allow {
		t.Error("a subscription is allowed that no agent may have, want that it is denied")
	}
	if d := kinds.DecidePassed(nobody, &db.Entry, db.Cell, tasks); d.Allow {
		t.Error("to hear of tasks of a server that nobody may use: allowed, want a denial")
	}
}
