package ops

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/admin"
	"gatehouse/internal/plural"
)

// overview shows the actor tree.
func (s *Server) overview(w http.ResponseWriter, r *http.Request) {
	s.render(w, http.StatusOK, "tree", s.tree(r))
}

// tree is what the page of the actor tree shows.
type tree struct {
	frame

	Status    admin.Status
	Lead      string
	Gateway   string // how it does, as the state of a server
	InFlight  int
	Actors    []treeActor
	Servers   []treeServer
	Attention []notice
}

type treeActor struct {
	admin.Actor

	State string
}

// treeServer is a row of the tree.
type treeServer struct {
	admin.ServerStatus

	ID, Href, Why string
	Serial        string // of the plan its actor was started for, "" if it has none
}

func (s *Server) tree(r *http.Request) tree {
	st := s.opts.Gateway.Status()
	t := tree{frame: s.frame(r, "Actor tree", s.liveAt("tree", nil)), Status: st, Gateway: "ready"}
	if !st.Ready {
		t.Gateway = "stopping"
	}
	states := cmp.Or(admin.StatesOf(st.Servers), "none")
	t.Lead = fmt.Sprintf("%s: %s", plural.Of(len(st.Servers), "server"), states)
	for _, a := range st.Actors {
		t.Actors = append(t.Actors, treeActor{a, "running"})
	}
	slices.SortStableFunc(t.Actors, func(a, b treeActor) int { // The servers come below their supervisor.
		return cmp.Compare(boolInt(a.Name == "servers"), boolInt(b.Name == "servers"))
	})
	for _, one := range st.Servers {
		t.InFlight += one.InFlight
		t.Servers = append(t.Servers, treeServer{one, idOf(one.Name), hrefOf(one.Name), why(one), strings.TrimPrefix(one.Actor, one.Name+"@")})
	}
	t.Attention = attention(st)
	return t
}

func (s *Server) drawTree(r *http.Request) (picture, bool) {
	t := s.tree(r)
	p := picture{list: func() fragment { return s.fragment("servers", "servers", t) }}
	for _, part := range []string{"summary", "attention", "actors"} {
		p.parts = append(p.parts, s.fragment(part, part, t))
	}
	var shape strings.Builder
	for _, one := range t.Servers {
		p.rows = append(p.rows, row{one.ID, one.shown(), func() fragment { return s.fragment(one.ID, "server-row", one) }})
		shape.WriteString(one.ID)
	}
	p.shape = shape.String()
	return p, true
}

// shown is all that the row of a server shows.
func (t treeServer) shown() string {
	last := int64(0)
	if t.LastGood != nil {
		last = t.LastGood.UnixNano()
	}
	return fmt.Sprint(t.Serial, t.State, t.Since.UnixNano(), t.Run, t.PID, t.InFlight, t.Restarts, last, t.Why)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// idOf names a server's row in the page.
func idOf(server string) string {
	sum := sha256.Sum256([]byte(server))
	return "s-" + hex.EncodeToString(sum[:8])
}

func hrefOf(server string) string { return "/server?" + url.Values{"name": {server}}.Encode() }
