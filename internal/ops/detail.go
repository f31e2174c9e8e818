package ops

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"gatehouse/internal/admin"
	"gatehouse/internal/textcut"
)

// serverPage is what the page of one server shows.
type serverPage struct {
	frame

	Server  admin.ServerDetail
	Tools   []admin.Tool
	Tokens  int
	Problem string
	Config  string
	Crashes []admin.Crash // the newest first, as are
	History []admin.ServerEvent
	Output  []admin.OutputLine
	LogHref string
}

func (s *Server) server(w http.ResponseWriter, r *http.Request) {
	page, err := s.serverPage(r)
	if err != nil {
		s.failed(w, err)
		return
	}
	s.render(w, http.StatusOK, "server", page)
}

// dones say what a button has done.
var dones = map[string]string{
	"hold":    "Held: running calls end, new ones are refused with the reason.",
	"release": "Released.",
	"restart": "Restarting: running calls end on the old process, later ones wait for the new.",
}

func (s *Server) serverPage(r *http.Request) (serverPage, error) {
	name := r.URL.Query().Get("name")
	d, err := s.opts.Gateway.Server(name)
	if err != nil {
		return serverPage{}, err
	}
	page := serverPage{
		frame: s.frame(r, d.Name, s.liveAt("server", url.Values{"name": {name}})), Server: d, Config: written(d),
		Crashes: reversed(d.Crashes), History: reversed(d.History), Output: reversed(d.Output), LogHref: "/log?" + url.Values{"server": {d.Name}}.Encode(),
	}
	page.Did = dones[r.URL.Query().Get("did")]
	tools, err := s.opts.Gateway.Tools(name, "")
	if err != nil || len(tools.Servers) != 1 {
		return page, err
	}
	page.Tools, page.Tokens, page.Problem = tools.Servers[0].Tools, tools.Tokens, tools.Servers[0].Problem
	return page, nil
}

func (s *Server) drawServer(r *http.Request) (picture, bool) {
	page, err := s.serverPage(r)
	if err != nil {
		return picture{}, false
	}
	var p picture
	for _, part := range []string{"server-state", "server-crashes", "server-history", "server-output", "server-tools", "server-config"} {
		p.parts = append(p.parts, s.fragment(part, part, page))
	}
	return p, true
}

func reversed[T any](list []T) []T {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// written is an entry as the file has it, without the values that may be secrets.
func written(d admin.ServerDetail) string {
	type entry struct {
		Type    string            `json:"type,omitempty"`
		Command string            `json:"command,omitempty"`
		Args    []string          `json:"args,omitempty"`
		Env     map[string]string `json:"env,omitempty"`
		EnvFile string            `json:"envFile,omitempty"`
		EnvPass []string          `json:"env_pass,omitempty"`
		Cwd     string            `json:"cwd,omitempty"`
		URL     string            `json:"url,omitempty"`
		Headers map[string]string `json:"headers,omitempty"`
	}
	e := entry{Env: masked(d.Env), EnvFile: d.EnvFile, EnvPass: d.EnvPass, Cwd: d.Cwd, URL: d.URL, Headers: masked(d.Headers)}
	if len(d.Command) > 0 {
		e.Command, e.Args = d.Command[0], d.Command[1:]
	} else {
		e.Type = d.Transport
	}
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return "" // It holds texts alone.
	}
	return string(text)
}

func masked(names []string) map[string]string {
	if len(names) == 0 {
		return nil
	}
	values := map[string]string{}
	for _, name := range names {
		values[name] = "…"
	}
	return values
}

// textcutTo is a text as long as a page shows it.
func textcutTo(text string) string { return textcut.Marked(text, maxValue) }
