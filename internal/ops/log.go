package ops

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/logging"
	"gatehouse/internal/rawjson"
)

// maxLines is how many lines of the log a page begins with.
const maxLines = 200

// logPage is what the page of the log shows.
type logPage struct {
	frame

	Query   logQuery
	Levels  []string
	Servers []string
	Lines   []logLine // the newest first
}

// logQuery says which lines are wanted.
type logQuery struct {
	Server, Level, Text string
}

func logQueryOf(r *http.Request) logQuery {
	v := r.URL.Query()
	q := logQuery{v.Get("server"), v.Get("level"), v.Get("text")}
	if !slices.Contains(levels, q.Level) {
		q.Level = "info"
	}
	return q
}

var levels = []string{"debug", "info", "warn", "error"}

// keep reports whether a line is wanted.
func (q logQuery) keep() func(logging.Line) bool {
	of := admin.LogQuery{Server: q.Server}
	_ = of.Level.UnmarshalText([]byte(q.Level)) // It is one of levels.
	text := strings.ToLower(q.Text)
	return func(line logging.Line) bool {
		return of.Keep(line) && strings.Contains(strings.ToLower(string(line)), text)
	}
}

// values are the query's, for an address.
func (q logQuery) values() url.Values {
	return url.Values{"server": {q.Server}, "level": {q.Level}, "text": {q.Text}}
}

func (s *Server) log(w http.ResponseWriter, r *http.Request) {
	q := logQueryOf(r)
	lines, at := s.opts.Gateway.Logs().Last(maxLines, q.keep())
	v := q.values()
	v.Set("at", strconv.FormatUint(at, 10))
	page := logPage{frame: s.frame(r, "Log", s.liveAt("log", v)), Query: q, Levels: levels}
	for _, one := range s.opts.Gateway.Status().Servers {
		page.Servers = append(page.Servers, one.Name)
	}
	for _, line := range slices.Backward(lines) {
		page.Lines = append(page.Lines, logLineOf(line))
	}
	s.render(w, http.StatusOK, "log", page)
}

// followLog sends the lines from where the page ends.
func (s *Server) followLog(r *http.Request, out *stream) {
	q := logQueryOf(r)
	keep, ring := q.keep(), s.opts.Gateway.Logs()
	at, err := strconv.ParseUint(cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("at")), 10, 64)
	if err != nil {
		_, at = ring.Last(0, nil)
	}
	for {
		ctx, cancel := context.WithTimeout(r.Context(), heartbeat)
		lines, next, lost, err := ring.Next(ctx, at)
		cancel()
		if r.Context().Err() != nil {
			return
		}
		if err != nil { // Nothing was logged for a while.
			if s.alive(r, out) != nil {
				return
			}
			continue
		}
		at = next
		var news []logLine
		if lost > 0 {
			news = append(news, logLine{Text: strconv.FormatUint(lost, 10) + " lines came too fast to be shown"})
		}
		for _, line := range lines {
			if keep(line) {
				news = append(news, logLineOf(line))
			}
		}
		if len(news) > 0 && out.event("line", strconv.FormatUint(at, 10), s.fragment("log", "log-lines", news)) != nil {
			return
		}
		if !pause(r.Context(), gap) {
			return
		}
	}
}

// logLine is one record.
type logLine struct {
	At          time.Time
	Level, Text string
	Server      string
	Attrs       []attr
}

type attr struct{ Key, Value string }

// maxValue is how much of one value a page shows, in bytes.
const maxValue = 2000

func logLineOf(raw logging.Line) logLine {
	var l logLine
	members, ok := rawjson.Members(raw)
	if !ok {
		return logLine{Text: string(raw)}
	}
	for _, m := range members {
		value := textOf(raw[m.Start:m.End])
		switch m.Key {
		case slog.TimeKey:
			l.At, _ = time.Parse(time.RFC3339Nano, value) // A bad one is not shown.
		case slog.LevelKey:
			l.Level = strings.ToLower(value)
		case slog.MessageKey:
			l.Text = value
		case "server":
			l.Server = value
		default:
			l.Attrs = append(l.Attrs, attr{m.Key, value})
		}
	}
	return l
}

// textOf is a string's own text, and any other value as JSON.
func textOf(raw []byte) string {
	var text string
	if rawjson.First(raw) != '"' || rawjson.Decode(raw, &text) != nil {
		text = string(raw)
	}
	return textcutTo(text)
}
