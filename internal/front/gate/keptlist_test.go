package gate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/testkit"
)

// kept makes the server's tools known as an earlier gateway has read them.
func kept(s *srv, names ...string) *srv {
	c := endpoint.Catalog{At: time.Now().Add(-time.Hour), Info: endpoint.ServerInfo{Title: "What it is for", Instructions: "How to use it."}}
	for _, name := range names {
		c.Tools = append(c.Tools, endpoint.Tool{Name: name, Raw: fmt.Appendf(nil, `{"name":%q,"description":"Sends a letter."}`, name)})
	}
	s.Cell.Recall(c)
	return s
}

// What an earlier gateway has read is found in any state of the server, and
// nobody is asked for it.
func TestKeptList_isFoundInAnyState(t *testing.T) {
	for _, state := range []endpoint.State{endpoint.Idle, endpoint.Starting, endpoint.BackingOff, endpoint.Quarantined, endpoint.NeedsAuth, endpoint.Held, endpoint.Stopped} {
		t.Run(string(state), func(t *testing.T) {
			g := newGate(t, allowAll, kept(server("post", endpoint.Status{State: state}), "send_letter"))
			f := g.search("send a letter", "")
			if !f.Fits || !slices.Equal(f.names(), []string{"post/send_letter"}) || len(f.Unlisted) > 0 {
				t.Errorf("got %+v, want post/send_letter and nothing unlisted", f)
			}
			want := `"tools":[{"name":"send_letter","description":"Sends a letter."}]`
			for tool, has := range map[string]string{"get_server_tools": want, "list_servers": `"description":"What it is for","tools":1,"state":"` + string(state) + `"`} {
				args := `{"agent_id":"a"}`
				if tool == "get_server_tools" {
					args = `{"agent_id":"a","server":"post"}`
				}
				if got := string(g.call(tool, args).raw); !strings.Contains(got, has) {
					t.Errorf("%s: got %s, want it to have %s", tool, got, has)
				}
			}
			if heard := g.Heard(); len(heard) > 0 {
				t.Errorf("the supervisor was asked %v, want nothing", heard)
			}
		})
	}
}

// A kept list only finds: a server that cannot list its tools now is asked for
// what it lacks, and refused is what the server itself does not list.
func TestKeptList_refusesNothing(t *testing.T) {
	g := newGate(t, allowAll, kept(up("post", testkit.Says(oneText)), "send_letter"))
	for _, tool := range []string{"send_letter", "send_parcel"} {
		if got := g.execute("post", tool); got.IsError {
			t.Errorf("%s: got %+v, want the server's answer", tool, got.err)
		}
	}
	if heard := g.Heard(); len(heard) > 0 {
		t.Errorf("the supervisor was asked %v, want nothing", heard)
	}
}

// The list that a server gives takes the place of the kept one before a call is
// sent: what it lacks is not called.
func TestKeptList_theCallChecksAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		post := kept(server("post", endpoint.Status{State: endpoint.Idle}), "send_letter")
		g := newGate(t, allowAll, post)
		g.Wake = func(string, *endpoint.Cell) {
			post.Has("send_parcel")
			post.Cell.Move(endpoint.Begun, time.Now(), nil)
			post.Cell.Move(endpoint.Opened, time.Now(), func(next *endpoint.Status) { next.Session = testkit.NewSession(1, testkit.Says(oneText)) })
		}
		if got := g.execute("post", "send_letter").err; got.Code != "TOOL_NOT_FOUND" || !slices.Equal(got.Available, []string{"send_parcel"}) {
			t.Errorf("got %+v, want TOOL_NOT_FOUND, and send_parcel instead", got)
		}
		if f := g.search("send a letter", ""); len(f.Hits) > 0 && f.Hits[0].Tool == "send_letter" {
			t.Errorf("got %v, want no tool that is gone", f.names())
		}
	})
}

// A ready server whose list could not be read is asked once more before agents are
// shown an older one.
func TestKeptList_ofAReadyServer_isReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		post := kept(up("post", testkit.Hangs), "send_letter")
		g := newGate(t, allowAll, post)
		g.Refresh = func(string, *endpoint.Cell) { post.Has("send_parcel") }
		got := g.call("get_server_tools", `{"agent_id":"a","server":"post"}`)
		if !strings.Contains(string(got.raw), `"send_parcel"`) || strings.Contains(string(got.raw), `"send_letter"`) {
			t.Errorf("got %s, want the server's own list", got.raw)
		}
	})
}

// What a server said of a tool to an earlier gateway is no reason to run it.
func TestKeptList_annotations_permitNoCall(t *testing.T) {
	db := up("db", testkit.Says(oneText))
	db.Cell.Recall(endpoint.Catalog{Tools: []endpoint.Tool{{Name: "get_row", Raw: []byte(annotated("get_row", `"readOnlyHint":true,"openWorldHint":false`))}}})
	g := newGate(t, readOnlyRules, db)
	if f := g.search("row", ""); !slices.Equal(f.names(), []string{"db/get_row"}) {
		t.Errorf("got %v, want it found", f.names())
	}
	if got := g.execute("db", "get_row").err; got.Code != "DENIED_BY_POLICY" {
		t.Errorf("got %+v, want DENIED_BY_POLICY until the server says it itself", got)
	}
	db.Has(annotated("get_row", `"readOnlyHint":true,"openWorldHint":false`))
	if got := g.execute("db", "get_row"); got.IsError {
		t.Errorf("got %+v, want it run", got.err)
	}
}
