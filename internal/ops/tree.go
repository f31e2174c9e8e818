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
	"time"

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
	Generation    string // in which its actor was started, "" if it has none
}

// notice is something that somebody should look at.
type notice struct {
	State, Server, Href, Text string
	Until                     *time.Time
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
	return fmt.Sprint(t.Generation, t.State, t.Since.UnixNano(), t.Run, t.PID, t.InFlight, t.Restarts, last, t.Why)
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

// why is why a server is not as it should be, "" if it is.
func why(s admin.ServerStatus) string {
	switch {
	case s.Reason != "":
		return s.Reason
	case len(s.Suspects) > 0:
		return "crashed twice or more while it ran " + strings.Join(s.Suspects, ", ")
	}
	return ""
}

// maxNotices is how many notices the page shows.
const maxNotices = 12

// attention lists what somebody should look at, the most urgent first.
func attention(st admin.Status) []notice {
	var list []notice
	if !st.Ready {
		list = append(list, notice{Text: "The gateway is shutting down."})
	}
	if u := st.RulesUnreadable; u != nil {
		text := "The rules have changed and cannot be read: " + u.Reason
		if u.Refusing {
			text += ". Every call is refused"
		}
		list = append(list, notice{Text: text})
	}
	for _, r := range st.Reloads {
		if r.Outcome == admin.Rejected {
			list = append(list, notice{Server: r.File, Href: "/reloads", Text: "a change was rejected, the version before stays in force"})
		}
	}
	if a := st.Audit; a.Err != "" || a.Lost > 0 {
		list = append(list, notice{Text: strings.TrimSpace(fmt.Sprintf("Audit log: %s lost. %s", plural.Of(a.Lost, "record"), a.Err))})
	}
	troubled := slices.DeleteFunc(slices.Clone(st.Servers), func(s admin.ServerStatus) bool {
		return !s.Troubled() || s.State == "starting" && s.Restarts == 0
	})
	slices.SortStableFunc(troubled, func(a, b admin.ServerStatus) int { return cmp.Compare(a.Urgency(), b.Urgency()) })
	for _, s := range troubled {
		list = append(list, notice{s.State, s.Name, hrefOf(s.Name), cmp.Or(why(s), "is not ready"), s.NextAttempt})
	}
	if more := len(list) - maxNotices; more > 0 {
		list = append(list[:maxNotices], notice{Text: fmt.Sprintf("and %d more: filter by a state", more)})
	}
	return list
}
