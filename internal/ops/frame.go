package ops

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/terminal"
)

// frame is what all pages have alike.
type frame struct {
	Title string
	Live  string // where the page's parts come from anew, "" if they don't
	Nav   []view
	Token string // of the page's forms
	Did   string // what a button has just done
}

// view is one of the pages.
type view struct {
	Name, Path string
	Here       bool
}

var views = []view{
	{Name: "Tree", Path: "/"}, {Name: "Log", Path: "/log"}, {Name: "Reloads", Path: "/reloads"}, {Name: "Rules", Path: "/rules"}, {Name: "Bundle", Path: "/bundle"},
}

// liveAt is where the parts of a view come from.
func (s *Server) liveAt(name string, v url.Values) string {
	if v == nil {
		v = url.Values{}
	}
	v.Set("view", name)
	v.Set("of", s.opts.Instance)
	return "/live?" + v.Encode()
}

func (s *Server) frame(r *http.Request, title, live string) frame {
	f := frame{Title: title, Live: live, Token: s.access.act}
	for _, v := range views {
		v.Here = v.Path == r.URL.Path
		f.Nav = append(f.Nav, v)
	}
	return f
}

// button is a form behind a word, which has to be opened before it can be pressed.
type button struct{ Token, Server, Action, Label, Says string }

// funcs are what the templates can do. Texts of servers and agents are shown
// with their control characters as escapes.
var funcs = template.FuncMap{
	"class":      tone,
	"shownlines": terminal.Lines,
	"serverhref": hrefOf,
	"said":       said,
	"kinds":      func() []string { return []string{"tool", "resource", "prompt"} },
	"clock": func(t time.Time) template.HTML {
		return template.HTML(`<time data-clock datetime="` + t.UTC().Format(time.RFC3339Nano) + `">` + t.UTC().Format("15:04:05.000") + `</time>`) //nolint:gosec // A time.
	},
	"button": func(p serverPage, action, label, says string) button {
		return button{p.Token, p.Server.Name, action, label, says}
	},
	"changes": changesCommand,
	"shown":   terminal.Line,
	"since":   func(t time.Time) template.HTML { return moment(t, "", "") },
	"ago":     func(t *time.Time) template.HTML { return moment(*t, "", " ago") },
	"moment":  func(t time.Time) template.HTML { return moment(t, "", " ago") },
	"join":    func(list []string) string { return strings.Join(list, ", ") },
	"millis":  func(ms float64) string { return strconv.FormatFloat(ms, 'f', -1, 64) + " ms" },
	"ends":    func(t *time.Time) template.HTML { return moment(*t, "ends in ", "") },
	"until":   func(t *time.Time) template.HTML { return moment(*t, "next try in ", "") },
}

// said is what a server says of a tool, without what it denies.
func said(annotations string) string {
	var words []string
	for word := range strings.FieldsSeq(annotations) {
		if !strings.HasPrefix(word, "!") {
			words = append(words, terminal.Line(strings.TrimPrefix(word, "@")))
		}
	}
	return strings.Join(words, ", ")
}

// moment shows a time, which the page's script turns into an age.
func moment(t time.Time, before, after string) template.HTML {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return template.HTML(`<time data-age data-before="` + before + `" data-after="` + after + `" datetime="` + //nolint:gosec // Constants and a time.
		t.Format(time.RFC3339Nano) + `">` + t.Format("2006-01-02 15:04:05") + `</time>`)
}

// tone is the class of a state: what its colour says, which its word says too.
func tone(state string) string {
	switch endpoint.State(state) {
	case endpoint.Ready, "running", "applied":
		return "good"
	case endpoint.Quarantined, endpoint.NeedsAuth, endpoint.Misconfigured, "rejected", "error", "blocked":
		return "bad"
	case endpoint.Starting, endpoint.BackingOff, endpoint.Draining, endpoint.Stopped:
		return "busy"
	case endpoint.Held:
		return "held"
	case endpoint.Idle, endpoint.Disabled, "unchanged", "info":
		return "still"
	}
	return "busy"
}
