package ops

import (
	"bytes"
	"encoding/json"
	"net/http"
	"runtime"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/logging"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/terminal"
)

// The bounds of a bundle.
const (
	bundleServers = 20  // that somebody should look at
	bundleLines   = 200 // of the log, warnings and errors
)

// bundle is what a report about a gateway needs. It holds no secrets.
type bundle struct {
	Made    time.Time            `json:"made"`
	Version string               `json:"version"`
	Go      string               `json:"go"`
	System  string               `json:"system"`
	Status  admin.Status         `json:"status"`
	Reloads []admin.Report       `json:"reloads"`
	Trouble []admin.ServerDetail `json:"trouble"`
	Log     []json.RawMessage    `json:"log"`
}

type bundlePage struct {
	frame

	Text string
}

func (s *Server) bundle(w http.ResponseWriter, r *http.Request) {
	s.render(w, http.StatusOK, "bundle", bundlePage{s.frame(r, "Bundle", ""), s.bundleText()})
}

func (s *Server) bundleText() string {
	st := s.opts.Gateway.Status()
	b := bundle{
		Made: s.opts.Now().UTC(), Version: st.Version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Status: st, Reloads: s.opts.Gateway.Reloads(), Trouble: []admin.ServerDetail{}, Log: []json.RawMessage{},
	}
	for _, one := range st.Servers {
		crashed := one.Restarts > 0 || one.LastError != ""
		if len(b.Trouble) < bundleServers && (one.Troubled() || crashed) {
			if d, err := s.opts.Gateway.Server(one.Name); err == nil {
				b.Trouble = append(b.Trouble, d)
			}
		}
	}
	keep := logQuery{Level: "warn"}.keep()
	lines, _ := s.opts.Gateway.Logs().Last(bundleLines, func(l logging.Line) bool { return keep(l) })
	b.Log = append(b.Log, lines...)
	var compact, text bytes.Buffer
	if rawjson.Encode(&compact, b) != nil || json.Indent(&text, compact.Bytes(), "", "  ") != nil {
		return "{}" // A status can always be encoded.
	}
	return terminal.JSON(text.String())
}
