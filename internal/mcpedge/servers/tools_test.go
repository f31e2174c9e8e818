package servers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// lister is a session that answers tools/list from a function.
type lister struct {
	endpoint.Session

	noTools bool
	page    func(cursor string) (endpoint.Response, error)
}

func (l lister) Info() endpoint.ServerInfo { return endpoint.ServerInfo{Tools: !l.noTools} }

func (l lister) Call(_ context.Context, req endpoint.Request) (endpoint.Response, error) {
	var params struct{ Cursor string }
	if err := json.Unmarshal(req.Params, &params); err != nil || req.Method != "tools/list" {
		return endpoint.Response{}, fmt.Errorf("got %s %s", req.Method, req.Params)
	}
	return l.page(params.Cursor)
}

func result(format string, args ...any) (endpoint.Response, error) {
	return endpoint.Response{Result: fmt.Appendf(nil, format, args...)}, nil
}

func TestListTools_joinsThePagesInTheServersOrder(t *testing.T) {
	odd := `{"name":"z","inputSchema":true,"big":12345678901234567890,"x":1.0}`
	pages := map[string]string{
		"":          `{"tools":[` + odd + `,{"name":"a"}],"nextCursor":"\"odd\u0041"}`,
		`"oddA`:     `{"nextCursor":"last","tools":[]}`,
		"last":      `{"tools":[{"name":"b"}],"nextCursor":null}`,
		"forbidden": "",
	}
	got, err := servers.ListTools(t.Context(), lister{page: func(cursor string) (endpoint.Response, error) { return result("%s", pages[cursor]) }})
	if err != nil {
		t.Fatal(err)
	}
	want := []json.RawMessage{json.RawMessage(odd), json.RawMessage(`{"name":"a"}`), json.RawMessage(`{"name":"b"}`)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestListTools_isWholeOrAnError(t *testing.T) {
	calls := 0
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		page func(cursor string) (endpoint.Response, error)
		want string
	}{
		"a cursor that comes twice": {func(string) (endpoint.Response, error) { return result(`{"tools":[],"nextCursor":"x"}`) }, "does not end"},
		"pages without end": {func(string) (endpoint.Response, error) {
			calls++
			return result(`{"tools":[],"nextCursor":"%d"}`, calls)
		}, "does not end within 1000 pages"},
		"too many tools": {func(string) (endpoint.Response, error) {
			calls++
			return result(`{"tools":[{}%s],"nextCursor":"%d"}`, strings.Repeat(",{}", 5000), calls)
		}, "larger than 10000 tools"},
		"too many bytes": {func(string) (endpoint.Response, error) {
			return result(`{"tools":[%s]}`, sized(65<<20))
		}, "larger than"},
		"an error on a later page": {func(cursor string) (endpoint.Response, error) {
			if cursor == "" {
				return result(`{"tools":[{"name":"a"}],"nextCursor":"x"}`)
			}
			return endpoint.Response{Error: json.RawMessage(`{"code":-1,"message":"lost it"}`)}, nil
		}, "lost it (-1)"},
		"a session that ends":    {func(string) (endpoint.Response, error) { return endpoint.Response{}, gone }, "gone"},
		"an answer without list": {func(string) (endpoint.Response, error) { return result(`{}`) }, "no list of tools"},
		"a list of another type": {func(string) (endpoint.Response, error) { return result(`{"tools":{}}`) }, "no list of tools"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := servers.ListTools(t.Context(), lister{page: c.page})
			if err == nil || !strings.Contains(err.Error(), c.want) || got != nil {
				t.Errorf("got %d tools and %v, want %s", len(got), err, c.want)
			}
		})
	}
}

func TestListTools_asksNoServerThatHasNone(t *testing.T) {
	got, err := servers.ListTools(t.Context(), lister{noTools: true})
	if err != nil || len(got) != 0 {
		t.Errorf("got %s %v", got, err)
	}
}

func TestParseTools_skipsWhatNobodyCouldCall(t *testing.T) {
	tools, skipped := servers.ParseTools([]json.RawMessage{
		[]byte(`{"name":"a","x":1}`), []byte(`{"title":"no name"}`), []byte(`{"name":""}`), []byte(`{"name":7}`),
		[]byte(`"name"`), []byte(`{"name":"a","second":true}`), []byte(`{"x":{"name":"inner"},"n\u0061me":"\u00e9"}`),
	})
	want := []endpoint.Tool{
		{Name: "a", Raw: json.RawMessage(`{"name":"a","x":1}`)},
		{Name: "é", Raw: json.RawMessage(`{"x":{"name":"inner"},"n\u0061me":"\u00e9"}`)},
	}
	if diff := cmp.Diff(want, tools); diff != "" || skipped != 5 {
		t.Errorf("%d skipped, %s", skipped, diff)
	}
}
