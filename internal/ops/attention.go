package ops

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/plural"
	"gatehouse/internal/shellword"
	"gatehouse/internal/terminal"
)

// notice is something that somebody should look at.
type notice struct {
	State, Server, Href, Text string
	Ago                       *time.Time // when it happened
	Until                     *time.Time // when it is tried again
	Ends                      *time.Time // when it ends by itself
}

// maxNotices is how many notices the page shows.
const maxNotices = 12

// attention lists what somebody should look at, the most urgent first.
func attention(st admin.Status) []notice {
	list := slices.Concat(ofGateway(st), ofServers(st), unusual(st))
	if more := len(list) - maxNotices; more > 0 {
		list = append(list[:maxNotices], notice{Text: fmt.Sprintf("and %d more: filter by a state, or see gatehouse status", more)})
	}
	return list
}

// ofGateway is what is wrong with the gateway itself, or its files.
func ofGateway(st admin.Status) (list []notice) {
	if !st.Ready {
		list = append(list, notice{Text: "The gateway is shutting down."})
	}
	if u := st.RulesUnreadable; u != nil {
		text := "The rules have changed and cannot be read: " + u.Reason
		if u.Refusing {
			text += ". Every call is refused"
		}
		list = append(list, notice{Text: text, Ago: &u.Since})
	}
	for _, r := range st.Reloads {
		if r.Outcome == admin.Rejected {
			list = append(list, notice{Server: r.File, Href: "/reloads", Text: "a change was rejected, the version before stays in force"})
		}
	}
	if !st.Audit.Fine() {
		list = append(list, notice{Text: "Audit log: " + st.Audit.String()})
	}
	return list
}

// ofServers are the servers in trouble, the most urgent first.
func ofServers(st admin.Status) (list []notice) {
	troubled := slices.DeleteFunc(slices.Clone(st.Servers), func(s admin.ServerStatus) bool {
		return !s.Troubled() || s.State == "starting" && s.Restarts == 0
	})
	slices.SortStableFunc(troubled, func(a, b admin.ServerStatus) int { return cmp.Compare(a.Urgency(), b.Urgency()) })
	for _, s := range troubled {
		n := notice{State: s.State, Server: s.Name, Href: hrefOf(s.Name), Text: cmp.Or(why(s), "is not ready"), Until: s.NextAttempt}
		if i := slices.IndexFunc(st.Holds, func(h admin.Held) bool { return h.Server == s.Name && !h.Until.IsZero() }); i >= 0 {
			n.Until, n.Ends = nil, &st.Holds[i].Until
		}
		list = append(list, n)
	}
	return list
}

// why is why a server is not as it should be, "" if it is.
func why(s admin.ServerStatus) string {
	var texts []string
	if s.Reason != "" {
		texts = append(texts, s.Reason)
	}
	if s.NeedsLogin() {
		texts = append(texts, s.Auth.Text(s.Name, ""))
	}
	for _, b := range s.Blocks {
		texts = append(texts, "refuses calls of "+b.Whose())
	}
	if len(s.Suspects) > 0 {
		texts = append(texts, "crashed twice or more while it ran "+strings.Join(s.Suspects, ", "))
	}
	return strings.Join(texts, "; ")
}

// unusual is what is as it is meant to be, and out of the ordinary all the same.
func unusual(st admin.Status) (list []notice) {
	if o := st.PassedOver; o != nil {
		list = append(list, notice{Text: "Passed over " + strings.Join(o.Files, ", ") + ": " + o.Why + ". Hint: " + o.Hint})
	}
	if st.Log.Lost > 0 {
		list = append(list, notice{Text: "Log: " + st.Log.String()})
	}
	for _, l := range st.Limited {
		list = append(list, notice{Text: fmt.Sprintf("Limit: %s: %s refused, the last by %s", l.Who(), plural.Of(l.Refused, "call"), l.Limit), Ago: &l.At})
	}
	for _, h := range st.Holds {
		if isHeld(st.Servers, h.Server) {
			continue // Its state says so.
		}
		n := notice{Server: h.Server, Href: hrefOf(h.Server), Text: strings.TrimSuffix("is held by an operator: "+h.Why, ": ")}
		if !h.Until.IsZero() {
			n.Ends = &h.Until
		}
		list = append(list, n)
	}
	for _, d := range st.Draining {
		list = append(list, notice{Server: d.Server, Href: hrefOf(d.Server), Text: fmt.Sprintf("last calls of generation %d are ending", d.Generation), Ago: &d.Since})
	}
	for _, s := range st.Servers {
		list = append(list, ofTools(s)...)
	}
	return list
}

func isHeld(servers []admin.ServerStatus, name string) bool {
	return slices.ContainsFunc(servers, func(s admin.ServerStatus) bool { return s.Name == name && s.State == string(endpoint.Held) })
}

// changesCommand shows how the definitions of a server's tools have changed.
func changesCommand(server string) string {
	return shellword.Command("gatehouse tools", "--changes", terminal.Line(server))
}

// ofTools is what is to be said of a server's tools.
func ofTools(s admin.ServerStatus) (list []notice) {
	add := func(text string) { list = append(list, notice{Server: s.Name, Href: hrefOf(s.Name), Text: text}) }
	if s.ToolChanges > 0 {
		add(fmt.Sprintf("%s of tools changed; see %s", plural.Of(s.ToolChanges, "definition"), changesCommand(s.Name)))
	}
	for _, text := range s.AccessChanges {
		add(text)
	}
	if s.Place != "" {
		add(s.Place)
	}
	if s.ToolsProblem != "" {
		add(s.ToolsProblem)
	}
	return list
}
