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
	var params struct{ Cursor json.RawMessage }
	if err := json.Unmarshal(req.Params, &params); err != nil || req.Method != "tools/list" {
		return endpoint.Response{}, fmt.Errorf("got %s %s", req.Method, req.Params)
	}
	cursor := string(params.Cursor)
	if text := ""; json.Unmarshal(params.Cursor, &text) == nil {
		cursor = text
	}
	return l.page(cursor)
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
	got, _, err := servers.ListTools(t.Context(), lister{page: func(cursor string) (endpoint.Response, error) { return result("%s", pages[cursor]) }})
	if err != nil {
		t.Fatal(err)
	}
	want := []endpoint.Tool{
		{Name: "z", Raw: json.RawMessage(odd)}, {Name: "a", Raw: json.RawMessage(`{"name":"a"}`)}, {Name: "b", Raw: json.RawMessage(`{"name":"b"}`)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestListTools_thatCannotBeRead_isAnError(t *testing.T) {
	calls := 0
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		page func(cursor string) (endpoint.Response, error)
		want string
	}{
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
		"a list that is there twice": {func(string) (endpoint.Response, error) {
			return result(`{"tools":[{"name":"a"}],"tools":[{"name":"b"}]}`)
		}, `"tools" occurs twice`},
		"a list in another letter case": {func(string) (endpoint.Response, error) {
			return result(`{"Tools":[{"name":"a"}]}`)
		}, `write it as "tools"`},
		"a list of another type": {func(string) (endpoint.Response, error) { return result(`{"tools":{}}`) }, "no list of tools"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := servers.ListTools(t.Context(), lister{page: c.page})
			if err == nil || !strings.Contains(err.Error(), c.want) || got != nil {
				t.Errorf("got %d tools and %v, want %s", len(got), err, c.want)
			}
		})
	}
}

func TestListTools_asksNoServerThatHasNone(t *testing.T) {
	got, _, err := servers.ListTools(t.Context(), lister{noTools: true})
	if err != nil || len(got) != 0 {
		t.Errorf("got %s %v, want no tools and no error", got, err)
	}
}

func TestListTools_leavesOutWhatNobodyCouldCall(t *testing.T) {
	tools, _, err := servers.ListTools(t.Context(), lister{page: func(string) (endpoint.Response, error) {
		return result("%s", `{"tools":[{"name":"a","x":1},{"title":"no name"},{"name":""},{"name":7},`+
			`"name",{"name":"a","second":true},{"x":{"name":"inner"},"n\u0061me":"\u00e9"}]}`)
	}})
	want := []endpoint.Tool{
		{Name: "a", Raw: json.RawMessage(`{"name":"a","x":1}`)},
		{Name: "é", Raw: json.RawMessage(`{"x":{"name":"inner"},"n\u0061me":"\u00e9"}`)},
	}
	if diff := cmp.Diff(want, tools); diff != "" {
		t.Error(diff)
	}
	if odd, ok := errors.AsType[*endpoint.OddList](err); !ok || !strings.Contains(odd.What, "for want of a name: 4 definitions") {
		t.Errorf("got %v, want that 4 have no name", err)
	}
}

func TestListTools_definitionsThatCanBeReadInTwoWays_areLeftOut(t *testing.T) {
	tools, _, err := servers.ListTools(t.Context(), lister{page: func(string) (endpoint.Response, error) {
		return result("%s", `{"tools":[{"name":"a"},{"name":"b","NAME":"c"},{"name":"d","name":"e"},{"name":"f","inputschema":{}},{"name":"g","x":1,"X":2}]}`)
	}})
	var names []string
	for _, tool := range tools {
		names = append(names, tool.Name)
	}
	if diff := cmp.Diff([]string{"a", "g"}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if odd, ok := errors.AsType[*endpoint.OddList](err); !ok || !strings.Contains(odd.What, "3 definitions have a member twice or in another letter case") {
		t.Errorf("got %v, want that 3 were left out", err)
	}
}

// Whatever cursors come, each tool is there once, and what may be missing is said.
func TestListTools_oddCursors(t *testing.T) {
	for name, c := range map[string]struct {
		pages map[string]string // by the cursor as it came
		page  func(n int) string
		want  string
		says  string
	}{
		"the same for ever, the cursor ignored": {
			page: func(int) string { return `{"tools":[{"name":"a"},{"name":"b"}],"nextCursor":"x"}` },
			want: "a b", says: "the same cursor again and again, tools behind the first 2 may be missing",
		},
		"the same for ever, and the pages go on": {
			page: func(n int) string {
				return fmt.Sprintf(`{"tools":[{"name":"%c"}],"nextCursor":"x"}`, 'a'+min(n, 3))
			},
			want: "a b c d", says: "the same cursor again and again",
		},
		"the same twice, then an end": {
			page: func(n int) string {
				return []string{`{"tools":[{"name":"a"}],"nextCursor":"x"}`, `{"tools":[{"name":"b"}],"nextCursor":"x"}`, `{"tools":[{"name":"c"}]}`}[n]
			},
			want: "a b c", says: "the same cursor more than once",
		},
		"a number": {
			pages: map[string]string{``: `{"tools":[{"name":"a"}],"nextCursor":2}`, `2`: `{"tools":[{"name":"b"}],"nextCursor":0}`, `0`: `{"tools":[{"name":"c"}]}`},
			want:  "a b c",
		},
		"an object": {
			pages: map[string]string{``: `{"tools":[{"name":"a"}],"nextCursor":{"offset":1}}`, `{"offset":1}`: `{"tools":[{"name":"b"}],"nextCursor":null}`},
			want:  "a b",
		},
		"true and false": {
			pages: map[string]string{``: `{"tools":[{"name":"a"}],"nextCursor":true}`, `true`: `{"tools":[{"name":"b"}],"nextCursor":false}`},
			want:  "a b",
		},
		"always another, and nothing new": {
			page: func(n int) string { return fmt.Sprintf(`{"tools":[{"name":"a"}],"nextCursor":"%d"}`, n) },
			want: "a", says: "does not end within 21 pages",
		},
		"empty pages between": {
			page: func(n int) string {
				return []string{`{"tools":[],"nextCursor":"1"}`, `{"tools":[],"nextCursor":"2"}`, `{"tools":[{"name":"a"}],"nextCursor":""}`}[n]
			},
			want: "a",
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := -1
			tools, _, err := servers.ListTools(t.Context(), lister{page: func(cursor string) (endpoint.Response, error) {
				n++
				if c.page != nil {
					return result("%s", c.page(n))
				}
				return result("%s", c.pages[cursor])
			}})
			var got []string
			for _, tool := range tools {
				got = append(got, tool.Name)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			odd, ok := errors.AsType[*endpoint.OddList](err)
			if ok != (c.says != "") || ok && !strings.Contains(odd.What, c.says) || !ok && err != nil {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

func TestListTools_definitionsCannotPose(t *testing.T) {
	got, _, err := servers.ListTools(t.Context(), lister{page: func(string) (endpoint.Response, error) {
		return result(`{"tools":[{"name":"a","_meta":{"io.gatehouse/cut":"x","own":1}},{"name":"b","_meta":{"io\u002egatehouse/cut":1}}]}`)
	}})
	if err != nil || len(got) != 2 || string(got[0].Raw) != `{"name":"a","_meta":{"own":1}}` || string(got[1].Raw) != `{"name":"b","_meta":{}}` {
		t.Errorf("got %s, %v; want both without the members that are the gateway's", got, err)
	}
}
