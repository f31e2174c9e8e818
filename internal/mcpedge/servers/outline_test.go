package servers_test

import (
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// A server may write a member twice, and its name in more ways than one. The
// outline is that of the result that counts: any other would point behind its
// end, into what the buffer held before.
func TestCall_resultTwice_theOutlineIsThatOfTheOneThatCounts(t *testing.T) {
	long := `{"content":[{"type":"text","text":"` + strings.Repeat("x", 200) + `"}],"_meta":{"a":1},"isError":true}`
	for name, members := range map[string]string{
		"escaped":          `"result":` + long + `,"re\u0073ult":{"isError":false}`,
		"escaped first":    `"re\u0073ult":` + long + `,"result":{"isError":false}`,
		"the same again":   `"result":` + long + `,"result":{"isError":false}`,
		"no object before": `"result":[1],"result":{"isError":false}`,
	} {
		t.Run(name, func(t *testing.T) {
			s, p := open(t, servers.Options{})
			go func() { p.write(`{"jsonrpc":"2.0","id":%s,`+members+`}`, p.read().ID) }()
			into := append(make([]byte, 0, 4096), "head:"...)
			got, err := s.Call(t.Context(), endpoint.Request{Method: "tools/call", Into: into})
			if err != nil {
				t.Fatal(err)
			}
			outline := got.Outline
			if !outline.Known {
				outline = endpoint.OutlineOf(got.Result)
			}
			if want := endpoint.OutlineOf([]byte(`{"isError":false}`)); string(got.Result) != `{"isError":false}` || outline != want {
				t.Errorf("got %s with %+v, want %+v", got.Result, outline, want)
			}
		})
	}
}
