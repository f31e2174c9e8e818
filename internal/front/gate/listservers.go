package gate

import (
	"context"
	"encoding/json"
	"strings"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/vars"
)

// serverItem is one server in the answer of list_servers.
type serverItem struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Tools       *int   `json:"tools,omitempty"` // how many this agent may use; absent while unknown
	State       string `json:"state,omitempty"` // absent when ready
	// Place says where it is, and why not here; absent where it may be here.
	Place string `json:"place,omitempty"`
	// ToolsProblem says why the tools may not be all that the server has.
	ToolsProblem string `json:"tools_problem,omitempty"`
	Transport    string `json:"transport,omitempty"`
	Command      string `json:"command,omitempty"`
	URL          string `json:"url,omitempty"`
}

// listServers answers from memory: no server is asked, none is waited for.
func (g *Gate) listServers(ctx context.Context, c *call) (relay.Result, error) {
	a, err := g.router.Identify(ctx, &c.Call.Call)
	if err != nil {
		return relay.Result{}, err
	}
	items := []serverItem{}
	for name := range a.Servers() {
		r, _ := a.RouteTo(name)
		item := describe(a, r)
		if c.args.includeMetadata {
			item.addMetadata(r)
		}
		items = append(items, item)
	}
	list, more := fitting(items)
	if err := c.weigh(len(list)); err != nil {
		return relay.Result{}, err
	}
	return own(serverList{list, more}), nil
}

// serverList is the answer of list_servers.
type serverList struct {
	Servers json.RawMessage `json:"servers"`
	More    int             `json:"omitted_more,omitempty"` // servers for which there was no room
}

// fitting makes a list of servers that fits an answer: if need be with the first
// sentences of their descriptions, and without the last of them.
func fitting(items []serverItem) (list json.RawMessage, more int) {
	if list = relay.MustJSON(items); inAnswer(list) <= maxOwnBytes {
		return list, 0
	}
	size, n := 0, 0
	for ; n < len(items); n++ {
		items[n].Description = firstSentence(items[n].Description)
		if size += inAnswer(relay.MustJSON(items[n])) + len(",,"); size > maxOwnBytes {
			break
		}
	}
	return relay.MustJSON(items[:n]), len(items) - n
}

func describe(a *front.Attempt, r *snapshot.Route) serverItem {
	catalog := r.Cell.Shown(endpoint.Tools)
	permitted := a.Permitted(&tools, r.Entry.Name, catalog)
	item := serverItem{Name: r.Entry.Name, Description: description(r.Entry, catalog.Info, permitted), ToolsProblem: a.Trouble(r)}
	item.Place = front.Brief(r.Redact.String(r.Cell.Place()))
	if catalog.Known {
		item.Tools = new(len(permitted))
	}
	if st := r.Cell.Status(); st.State != endpoint.Ready {
		item.State = string(st.State)
	}
	return item
}

func (i *serverItem) addMetadata(r *snapshot.Route) {
	i.Transport = string(r.Entry.Transport)
	i.Command = r.Entry.Command
	if r.Entry.URL != "" {
		i.URL = vars.ShownURL(r.Entry.URL)
	}
}

// description is the entry's own text, else what the server says of itself,
// else the tools that the agent may use.
func description(e serversfile.Entry, info endpoint.ServerInfo, tools []string) string {
	if e.Description != "" {
		return e.Description
	}
	for _, text := range []string{info.Description, info.Title, firstLine(info.Instructions)} {
		if text = strings.TrimSpace(text); text != "" {
			return front.Brief(text)
		}
	}
	if len(tools) == 0 {
		return ""
	}
	return front.Brief("tools: " + strings.Join(tools, ", "))
}
