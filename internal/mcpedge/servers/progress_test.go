package servers_test

import (
	"encoding/json"
	"testing"

	"gatehouse/internal/mcpedge/servers"
)

func TestProgress_cannotPose(t *testing.T) {
	s, p := open(t, servers.Options{})
	heard := make(chan string, 1)
	req := tool(`{}`)
	req.Progress = func(params json.RawMessage) { heard <- string(params) }
	done := call(t.Context(), s, req)
	id := p.read().ID
	p.write(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1,"_meta":{"io.gatehouse\/origin":"gateway","own":1}}}`, id)
	if got, want := await(t, heard), `{"progress":1,"_meta":{"own":1}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.write(`{"jsonrpc":"2.0","id":%s,"result":1}`, id)
	wantResult(t, await(t, done), `1`)
}
