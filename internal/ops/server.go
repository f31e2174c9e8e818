package ops

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/entrance"
	"gatehouse/internal/ops/metrics"
)

// The limits of a Server.
const (
	maxConnections = 128
	maxHeaderBytes = 32 << 10
	headerTime     = 10 * time.Second
	idleTime       = 2 * time.Minute
	writeTime      = 30 * time.Second // of a whole answer; a stream's parts have their own
	actTime        = 10 * time.Second
)

// Options of a Server.
type Options struct {
	Gateway admin.Gateway
	// Counted are the calls and events that /metrics has.
	Counted *metrics.Book
	// Instance names this process.
	Instance string
	// Names are the hosts of the listener beside localhost and addresses.
	Names []string
	// Secure says that the listener speaks TLS.
	Secure bool
	// Token reads the token that each request needs; nil lets everybody read
	// who reaches the listener, which must be on loopback then. It may block for
	// as long as a file takes to be read.
	Token func() (string, error)
	// UID is the user whose processes may act without a credential; -1 is nobody.
	UID int
	// Below reports whether a process below the gateway has a socket, by its
	// inode: such a process may not act. nil reports false.
	Below func(inode uint64) bool
	// Changed is closed with the next event of the actor system; nil is never.
	Changed func() <-chan struct{}
	// Refused is told of requests that are refused for their credential.
	Refused func(address, reason string)
	Log     *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Server serves operators over HTTP. Its methods may be called from any
// goroutine.
type Server struct {
	opts   Options
	access *access
	// streams has one for each page that follows.
	streams chan struct{}
	door    *entrance.Door
	http    *http.Server
	stop    context.CancelFunc
	served  sync.WaitGroup
}

// Serve answers on the listener, in goroutines of its own, until Close, which
// owns the listener from then on.
func Serve(l net.Listener, o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{opts: o, access: newAccess(o), door: entrance.New(maxConnections), streams: make(chan struct{}, maxStreams), stop: stop}
	s.http = &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: headerTime, ReadTimeout: writeTime, WriteTimeout: writeTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	l = s.door.Serve(s.http, l)
	s.served.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			o.Log.Warn("the operators' listener failed", slog.Any("err", err))
		}
	})
	return s
}

// Close ends every request and the listener. It waits for the goroutine that
// accepts, not for those that answer: their context has ended.
func (s *Server) Close() {
	s.stop()
	_ = s.http.Close() // Nothing is left to do about an error.
	s.served.Wait()
}

// Link returns the path of a link that opens the page once, within LinkLife. With
// here it does so for the gateway's own user alone, on this machine, as far as the
// system tells whose process asks.
func (s *Server) Link(here bool) string { return "/open?code=" + s.access.link(here) }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.overview)
	mux.Handle("GET /metrics", metrics.Handler(s.opts.Counted, s.opts.Gateway.Status))
	for path, page := range map[string]http.HandlerFunc{
		"/server": s.server, "/reloads": s.reloads, "/rules": s.rules, "/log": s.log, "/bundle": s.bundle, "/live": s.live,
	} {
		mux.HandleFunc("GET "+path, page)
	}
	mux.HandleFunc("POST /actions/{action}", s.action)
	files(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		s.sorry(w, http.StatusNotFound, "There is nothing here.")
	})
	open := http.HandlerFunc(s.open)
	return s.guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/open" { // The one request that has its credential in its address.
			open(w, r)
			return
		}
		who, err := s.access.of(r)
		if err != nil {
			s.unauthorized(w, r, err)
			return
		}
		if !s.door.Arrived(r, string(who)) {
			w.Header().Set("Connection", "close")
			s.sorry(w, http.StatusServiceUnavailable, "Too many connections are open.")
			return
		}
		mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), readerKey{}, who)))
	}))
}

// readerKey is where a request's context has its reader.
type readerKey struct{}

func readerOf(r *http.Request) reader {
	who, _ := r.Context().Value(readerKey{}).(reader)
	return who
}

// open takes the code of a link and shows the way to the page, by a page of its
// own: behind a redirect from elsewhere a browser would keep the cookie back.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet { // A look ahead must not use it up.
		s.sorry(w, http.StatusMethodNotAllowed, "A link is opened by GET.")
		return
	}
	if !s.access.enter(w, r.URL.Query().Get("code"), s.byUser(r)) {
		s.refuse(r, "a link that is used up, older than a minute, or of another user")
		s.sorry(w, http.StatusUnauthorized, "This link has been used, is older than a minute, or is for a browser of another user. Run “gatehouse ops open --print” for another one.")
		return
	}
	s.render(w, http.StatusOK, "opened", nil)
}

// byUser reports whether a request came from a process of the gateway's own user, or
// of root, on this machine, and from none of the servers behind the gateway. Where
// the system does not tell, it reports true.
func (s *Server) byUser(r *http.Request) bool {
	from := peerAt(r)
	if !from.known {
		return !peersAreKnown
	}
	return (from.uid == s.opts.UID || from.uid == 0) && (s.opts.Below == nil || !s.opts.Below(from.inode))
}

func (s *Server) unauthorized(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, errNoCredential) {
		s.opts.Log.Warn("the operators' token cannot be read", slog.Any("err", err))
		s.sorry(w, http.StatusServiceUnavailable, "The token file cannot be read; the gateway's log says why.")
		return
	}
	if r.Header.Get("Authorization") != "" {
		s.refuse(r, "a bearer that is not the operators' token")
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse operators"`)
	s.sorry(w, http.StatusUnauthorized, "Run “gatehouse ops open” on the gateway's machine for a link that opens this page. Programs send the token as a bearer.")
}

func (s *Server) refuse(r *http.Request, reason string) {
	if s.opts.Refused != nil {
		s.opts.Refused(r.RemoteAddr, reason)
	}
}

// Address is how a listener is reached, as a url without a path.
func Address(l net.Listener, secure bool) string {
	if secure {
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

// IsTLS reports whether a request came over TLS.
func isTLS(r *http.Request) bool { return r.TLS != nil && r.TLS.Version >= tls.VersionTLS12 }

// failure is an action that was refused, or failed.
type failure struct {
	status int
	text   string
}

func (f *failure) Error() string { return f.text }

func refusal(status int, format string, args ...any) error {
	return &failure{status, fmt.Sprintf(format, args...)}
}
