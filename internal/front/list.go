package front

import (
	"context"
	"strings"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/textcut"
	"gatehouse/internal/vars"
)

// serverItem is one server in the answer of list_servers.
type serverItem struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Tools       *int   `json:"tools,omitempty"` // how many this agent may use; absent while unknown
	State       string `json:"state,omitempty"` // absent when ready
	Transport   string `json:"transport,omitempty"`
	Command     string `json:"command,omitempty"`
	URL         string `json:"url,omitempty"`
}

// listServers answers from memory: no server is asked, none is waited for.
func (f *Front) listServers(_ context.Context, c *call) (result, *failure) {
	snap := f.cfg.Store.Load()
	agent, fail := f.identify(c, snap)
	if fail != nil {
		return result{}, fail
	}
	items := []serverItem{}
	for _, name := range permittedServers(snap, agent) {
		r, _ := snap.Route(name)
		items = append(items, describe(snap, agent, r, c.args.includeMetadata))
	}
	return own(map[string]any{"servers": items}), nil
}

func describe(snap *snapshot.Snapshot, agent string, r *snapshot.Route, metadata bool) serverItem {
	catalog := r.Cell.Catalog()
	tools := permittedTools(snap.Policy, agent, r.Entry.Name, catalog)
	item := serverItem{Name: r.Entry.Name, Description: description(r.Entry, catalog.Info, tools)}
	if catalog.Known {
		item.Tools = new(len(tools))
	}
	if st := r.Cell.Status(); st.State != endpoint.Ready {
		item.State = string(st.State)
	}
	if metadata {
		item.Transport = string(r.Entry.Transport)
		item.Command = r.Entry.Command
		if r.Entry.URL != "" {
			item.URL = vars.ShownURL(r.Entry.URL)
		}
	}
	return item
}

// maxDescription limits what a server says of itself, in bytes.
const maxDescription = 500

// description is the entry's own text, else what the server says of itself,
// else the tools that the agent may use.
func description(e serversfile.Entry, info endpoint.ServerInfo, tools []string) string {
	if e.Description != "" {
		return e.Description
	}
	firstLine, _, _ := strings.Cut(strings.TrimSpace(info.Instructions), "\n")
	for _, text := range []string{info.Description, info.Title, firstLine} {
		if text = strings.TrimSpace(text); text != "" {
			return cut(text)
		}
	}
	if len(tools) == 0 {
		return ""
	}
	return cut("tools: " + strings.Join(tools, ", "))
}

func cut(s string) string {
	return textcut.Marked(s, maxDescription)
}
