package peer

import (
	"cmp"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/weight"
)

// Owned is a server that this gateway runs for the fleet.
type Owned struct {
	Cell  *endpoint.Cell
	Epoch int64
	// Form identifies the entry as it is written; see Target.
	Form string
	// MaxInFlight is how many calls of the whole fleet may be in flight, at least 1.
	MaxInFlight int
	// Redact takes the secrets of the entry out of a text. nil takes nothing out.
	Redact func(string) string
}

// ServerConfig is what a gateway answers others with. Its functions may be called from
// any goroutine and must not block.
type ServerConfig struct {
	// Owned returns the server that this gateway runs under a key.
	Owned func(key string) (Owned, bool)
	// Holds reports whether this gateway may act on what it owns under a key by an
	// epoch, now.
	Holds func(key string, epoch int64) bool
	// Running reports whether anything of a server still runs here, owned or not.
	Running func(key string) bool
	// Tenure says how this gateway stands.
	Tenure func() fleet.TenureAnswer
	// Move begins to leave a server to another gateway. The error, for people, says why
	// it does not.
	Move func(Move) error
	// Wake has a lazy server claimed that nobody owns: a call waits for it at a gateway that
	// cannot start it. The error, for people, says why it is not. nil wakes nothing.
	Wake func(key string) error
	// Logs returns lines of this gateway's log, the oldest first, without secrets.
	Logs func(LogQuery) []json.RawMessage
	// Generation is that by which this gateway decides.
	Generation func() uint64
	// Decide asks the rules of this gateway whether the agent that another one names may
	// have a request made to the server; without an agent, whether anybody may. It returns
	// nil if so. It must not be nil itself.
	Decide func(key string, owned Owned, r Asked) *endpoint.Denied
	// Sessions serves requests of agents that other gateways pass on because their
	// sessions are here. It is asked by the agents' own paths, and lets in whom it knows.
	Sessions http.Handler
	// Budget is what large messages take their bytes of; nil is none.
	Budget *weight.Budget
	// AnswerTime bounds the writing of an answer, or of an event before it, beside a second
	// for each MiB. Default: 30 s.
	AnswerTime time.Duration
	Log        *slog.Logger
}

// Asked is a request as another gateway asks for it.
type Asked struct {
	Agent  string // empty for what that gateway asks of itself
	Method string
	Params []byte // of any form
	// Hear: the server is asked for nothing. The other gateway wants to hear of what the
	// params name, for agents about whom it decides itself.
	Hear bool
}

// Server answers other gateways of the fleet. It serves HTTP to whoever reaches it: the
// listener must let in nobody else.
type Server struct {
	cfg     ServerConfig
	follows follows
}

// NewServer makes a Server.
func NewServer(cfg ServerConfig) *Server {
	cfg.AnswerTime = cmp.Or(cfg.AnswerTime, answerTime)
	return &Server{cfg: cfg, follows: follows{log: cfg.Log}}
}

const (
	// headTime bounds the reading of a request's head.
	headTime = 10 * time.Second
	// idleTime is longer than that of a Client, so that it is the one to end a
	// connection: then it knows that nothing was sent on it.
	idleTime = 2 * idleConnection
	// bodyTime bounds the reading of a body, beside a second for each MiB.
	bodyTime = 10 * time.Second
	// answerTime bounds the writing of an answer, beside a second for each MiB.
	answerTime = 30 * time.Second
)

// HTTP returns what serves other gateways on a listener of its own.
func (s *Server) HTTP() *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler: s, ReadHeaderTimeout: headTime, IdleTimeout: idleTime, MaxHeaderBytes: maxPassedHead, Protocols: protocols,
		DisableGeneralOptionsHandler: true,                                                    // Nothing is answered before the checks.
		ErrorLog:                     slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug), // Handshakes that fail, most often.
	}
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	switch {
	case path == tenurePath && r.Method == http.MethodGet:
		answerJSON(w, http.StatusOK, s.cfg.Tenure())
	case strings.HasPrefix(path, runningPath) && r.Method == http.MethodGet:
		key, ok := keyOf(runningPath, path)
		if !ok {
			badRequest(w, errBadName)
			return
		}
		answerJSON(w, http.StatusOK, running{s.cfg.Running(key)})
	case path == movePath && r.Method == http.MethodPost:
		s.move(w, r)
	case strings.HasPrefix(path, wakePath) && r.Method == http.MethodPost:
		s.wake(w, path)
	case path == logsPath && r.Method == http.MethodGet:
		s.logs(w, r)
	case strings.HasPrefix(path, sessionsPath+"/"):
		s.session(w, r)
	case strings.HasPrefix(path, serversPath):
		s.server(w, r, path)
	default:
		http.Error(w, "this gateway does not know "+r.Method+" here: it may be of another version", http.StatusNotFound)
	}
}

var errBadName = errors.New("the path does not name a server")

// server answers what concerns one server.
func (s *Server) server(w http.ResponseWriter, r *http.Request, path string) {
	key, ok := keyOf(serversPath, path)
	h, err := readHead(r.Header)
	if !ok {
		err = errBadName
	}
	if err != nil {
		badRequest(w, err)
		return
	}
	switch r.Method {
	case http.MethodGet:
		owned, st, refusal := s.reach(key, &h)
		if refusal != nil {
			fail(w, refusal)
			return
		}
		_ = owned
		answerJSON(w, http.StatusOK, opened{Info: st.Session.Info(), Run: st.Run})
	case http.MethodPost:
		s.call(w, r, key, &h)
	default:
		http.Error(w, "GET and POST are what there is", http.StatusMethodNotAllowed)
	}
}

// reach returns the server that a request is for and its status, which is ready, or why
// the request is refused.
func (s *Server) reach(key string, h *head) (Owned, *endpoint.Status, *failure) {
	owned, ok := s.cfg.Owned(key)
	refuse := func(k kind, why string) (Owned, *endpoint.Status, *failure) {
		s.cfg.Log.Debug("request of another gateway refused", slog.String("key", key), slog.String("kind", string(k)), slog.String("reason", why))
		return owned, nil, &failure{Kind: k, Reason: why, Generation: s.cfg.Generation()}
	}
	switch {
	case !ok:
		return refuse(kindMoved, "the gateway that was asked does not run it")
	case owned.Epoch != h.epoch:
		return refuse(kindMoved, "the gateway that was asked runs it by another claim")
	case !s.cfg.Holds(key, owned.Epoch):
		return refuse(kindMoved, "the gateway that was asked does not know whether it may still run it")
	case owned.Form != h.form:
		return refuse(kindStale, "the gateway that runs it has another form of its entry")
	case h.generation < s.cfg.Generation():
		return refuse(kindStale, "the gateway that runs it has a newer configuration")
	}
	select {
	case <-owned.Cell.ClosedC():
		return refuse(kindDraining, "the gateway that runs it is giving it up")
	default:
	}
	st := owned.Cell.Status()
	if st.State != endpoint.Ready {
		return refuse(kindNotReady, "it is "+string(st.State)+" at the gateway that runs it")
	}
	return owned, st, nil
}

func (o *Owned) redact(text string) string {
	if o.Redact == nil {
		return text
	}
	return o.Redact(text)
}

func badRequest(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusBadRequest)
}

// fail answers with a failure.
func fail(w http.ResponseWriter, f *failure) { answerJSON(w, f.status(), f) }

func answerJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaJSON)
	w.WriteHeader(status)
	_, _ = w.Write(text) // Who asked is gone, then.
}

// IsLoopback reports whether an address, HOST:PORT, is reached from this machine alone.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
