package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"gatehouse/internal/rawjson"
)

// The limits of a Server.
const (
	maxBody      = 16 << 20 // bytes of a request's body
	maxFollowers = 32       // of the log at one time
	reloadLimit  = 30 * time.Second
	actLimit     = 10 * time.Second
)

// Server serves operators. Its methods may be called from any goroutine.
type Server struct {
	gw        Gateway
	http      *http.Server
	listener  net.Listener
	stop      context.CancelFunc
	served    sync.WaitGroup
	followers chan struct{}
}

// Serve answers on the listener, in goroutines of its own, until Close, which
// owns the listener from then on. For each connection it asks admit whether the
// process that opened it (0 if it is not known) may ask anything, and answers
// 403 with its error if not; admit must not block, and nil admits everybody.
func Serve(l net.Listener, gw Gateway, admit func(pid int) error, log *slog.Logger) *Server {
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{gw: gw, listener: l, stop: stop, followers: make(chan struct{}, maxFollowers)}
	s.http = &http.Server{
		Handler: admitted(s.routes()), ConnContext: admission(admit), ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		DisableGeneralOptionsHandler: true, // Nothing is answered before admission.
		BaseContext:                  func(net.Listener) context.Context { return ctx },
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	s.served.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Warn("operator's socket failed", slog.Any("err", err))
		}
	})
	return s
}

// Close ends every request and the listener. It waits for the goroutine that
// accepts, not for those that answer: their context has ended.
func (s *Server) Close() {
	s.stop()
	_ = s.http.Close()     // Nothing is left to do about an error.
	_ = s.listener.Close() // Also if it was never served.
	s.served.Wait()
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.gw.Status(), nil) })
	mux.HandleFunc("GET /v1/servers/{name}", func(w http.ResponseWriter, r *http.Request) {
		detail, err := s.gw.Server(r.PathValue("name"))
		reply(w, detail, err)
	})
	mux.HandleFunc("GET /v1/servers/{name}/settled", func(w http.ResponseWriter, r *http.Request) {
		status, err := s.gw.Settled(r.Context(), r.PathValue("name"))
		reply(w, status, err)
	})
	mux.HandleFunc("GET /v1/logs", s.logs)
	mux.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), reloadLimit)
		defer cancel()
		reports, err := s.gw.Reload(ctx)
		reply(w, reports, err)
	})
	for _, action := range []Action{Restart, Release, HoldServer} {
		mux.HandleFunc("POST /v1/servers/{name}/"+string(action), func(w http.ResponseWriter, r *http.Request) { s.operate(w, r, action) })
	}
	mux.HandleFunc("POST /v1/servers/{name}/"+string(MoveServer), s.move)
	mux.HandleFunc("POST /v1/fleet/apply", s.apply)
	mux.HandleFunc("GET /v1/tools", func(w http.ResponseWriter, r *http.Request) {
		tools, err := s.gw.Tools(r.URL.Query().Get("server"), r.URL.Query().Get("agent"))
		reply(w, tools, err)
	})
	mux.HandleFunc("GET /v1/tools/changes", func(w http.ResponseWriter, r *http.Request) {
		changes, err := s.gw.ToolChanges(r.URL.Query().Get("server"))
		reply(w, changes, err)
	})
	mux.HandleFunc("POST /v1/ops/link", func(w http.ResponseWriter, r *http.Request) {
		var q OpsLinkQuery
		if err := body(w, r, &q); err != nil {
			reply(w, nil, err)
			return
		}
		link, err := s.gw.OpsLink(q)
		reply(w, link, err)
	})
	mux.HandleFunc("POST /v1/end", func(w http.ResponseWriter, _ *http.Request) {
		s.gw.End()
		reply(w, struct{}{}, nil)
	})
	mux.HandleFunc("GET /v1/agent", s.namedAgent)
	mux.HandleFunc("POST /v1/find", s.find)
	mux.HandleFunc("POST /v1/call", s.call)
	mux.HandleFunc("POST /v1/explain", s.explain)
	return mux
}

func (s *Server) operate(w http.ResponseWriter, r *http.Request, action Action) {
	var hold Hold
	if err := body(w, r, &hold); err != nil {
		reply(w, nil, err)
		return
	}
	switch action { //nolint:exhaustive // To all others nothing of it matters.
	case HoldServer:
		hold.From = ""
	case Release:
		hold = Hold{From: hold.From}
	default:
		hold = Hold{}
	}
	ctx, cancel := context.WithTimeout(r.Context(), actLimit)
	defer cancel()
	done, err := s.gw.Operate(ctx, action, r.PathValue("name"), hold)
	reply(w, done, err)
}

func (s *Server) call(w http.ResponseWriter, r *http.Request) {
	var call Call
	if err := body(w, r, &call); err != nil {
		reply(w, nil, err)
		return
	}
	result, err := s.gw.Call(r.Context(), call)
	reply(w, result, err)
}

// body reads a JSON body; an empty one leaves v as it is.
func body(w http.ResponseWriter, r *http.Request, v any) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("cannot read the request: %v", err)}
	}
	if len(raw) == 0 {
		return nil
	}
	if err := rawjson.Decode(raw, v); err != nil {
		return &Error{http.StatusBadRequest, fmt.Sprintf("cannot read the request: %v", err)}
	}
	return nil
}

// reply writes a value, or why there is none.
func reply(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		status := http.StatusInternalServerError
		if e, ok := errors.AsType[*Error](err); ok {
			status = e.Status
		} else if errors.Is(err, context.DeadlineExceeded) {
			status = http.StatusGatewayTimeout
		}
		w.WriteHeader(status)
		v = map[string]string{"error": err.Error()}
	}
	_ = rawjson.Encode(w, v) // Whoever asked may be gone.
}

// maxLines is how many lines can be asked for: more than are kept.
const maxLines = 1_000_000

func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	q, err := parseLogQuery(r)
	if err != nil {
		reply(w, nil, err)
		return
	}
	ring := s.gw.Logs()
	lines, at := ring.Last(q.N, q.Keep)
	if q.Node != "" {
		if lines, err = s.nodeLogs(r.Context(), q); err != nil {
			reply(w, nil, err)
			return
		}
	}
	if q.Server != "" && len(lines) == 0 {
		if _, err := s.gw.Server(q.Server); err != nil { // One that was removed may be asked for.
			reply(w, nil, err)
			return
		}
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	if !writeLines(w, lines, q.Follow) || !q.Follow {
		return
	}
	select {
	case s.followers <- struct{}{}:
		defer func() { <-s.followers }()
	default:
		writeLines(w, []json.RawMessage{json.RawMessage(`{"error":"too many commands follow the log already"}`)}, true)
		return
	}
	for {
		lines, next, lost, err := ring.Next(r.Context(), at)
		if err != nil {
			return
		}
		at = next
		var out []json.RawMessage
		if lost > 0 {
			out = append(out, fmt.Appendf(nil, `{"lost":%d}`, lost))
		}
		for _, line := range lines {
			if q.Keep(line) {
				out = append(out, line)
			}
		}
		if !writeLines(w, out, true) {
			return
		}
	}
}

// nodeLogs are lines of the log of one gateway of the fleet.
func (s *Server) nodeLogs(ctx context.Context, q LogQuery) ([]json.RawMessage, error) {
	if q.Follow {
		return nil, &Error{http.StatusBadRequest, "the log of another gateway cannot be followed: ask at that gateway"}
	}
	ctx, cancel := context.WithTimeout(ctx, actLimit)
	defer cancel()
	return s.gw.NodeLogs(ctx, q)
}

// writeLines reports whether the client still takes them.
func writeLines(w http.ResponseWriter, lines []json.RawMessage, flush bool) bool {
	for _, line := range lines {
		if _, err := w.Write(append(slices.Clip(line), '\n')); err != nil { // Lines of JSON, and no page.
			return false
		}
	}
	return !flush || http.NewResponseController(w).Flush() == nil
}

// LogQuery says which lines of the log are wanted. The zero LogQuery is none
// of those that are there.
type LogQuery struct {
	// Node is the gateway of the fleet whose log it is; empty: the one that is asked.
	Node   string
	Follow bool
	Server string     // only lines about this server; empty: all
	Level  slog.Level // only lines of this level or above
	N      int        // at most so many of those that are there already
}

func parseLogQuery(r *http.Request) (LogQuery, error) {
	v := r.URL.Query()
	q := LogQuery{Node: v.Get("node"), Follow: v.Get("follow") == "true", Server: v.Get("server"), Level: slog.LevelDebug, N: 100}
	if text := v.Get("level"); text != "" {
		if err := q.Level.UnmarshalText([]byte(text)); err != nil {
			return q, &Error{http.StatusBadRequest, "the level is debug, info, warn or error"}
		}
	}
	if text := v.Get("n"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxLines {
			return q, &Error{http.StatusBadRequest, "n is a number of lines"}
		}
		q.N = n
	}
	return q, nil
}

// Keep reports whether a line of the log is wanted.
func (q LogQuery) Keep(line json.RawMessage) bool {
	if q.Server == "" && q.Level <= slog.LevelDebug {
		return true
	}
	var level slog.Level
	if level.UnmarshalText([]byte(rawjson.Text(rawjson.Get(line, "level")))) != nil {
		return false
	}
	return level >= q.Level && (q.Server == "" || rawjson.Text(rawjson.Get(line, "server")) == q.Server)
}
