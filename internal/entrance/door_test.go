package entrance_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/entrance"
)

// lobby is a server behind a door, in memory. Its requests say in X-Owner who
// sends them; without one they are not let in. Those to /hang have no end.
type lobby struct {
	t     *testing.T
	conns chan net.Conn

	hanging atomic.Int64 // requests to /hang that run
}

func (l *lobby) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l *lobby) Close() error   { return nil }
func (l *lobby) Addr() net.Addr { return &net.TCPAddr{} }

func open(t *testing.T, limit int) *lobby {
	t.Helper()
	l := &lobby{t: t, conns: make(chan net.Conn)}
	door := entrance.New(limit)
	srv := &http.Server{IdleTimeout: time.Hour, ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		owner := r.Header.Get("X-Owner")
		switch {
		case owner == "":
			w.WriteHeader(http.StatusUnauthorized)
		case !door.Arrived(r, owner):
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/hang":
			l.hanging.Add(1)
			<-r.Context().Done()
			l.hanging.Add(-1)
		}
	})}
	guarded := door.Serve(srv, l)
	go func() { _ = srv.Serve(guarded) }()
	t.Cleanup(func() {
		close(l.conns)
		_ = srv.Close()
	})
	return l
}

// guest is the client's end of a connection.
type guest struct {
	l    *lobby
	conn net.Conn
	in   *bufio.Reader
}

func (l *lobby) come() *guest {
	ours, theirs := net.Pipe()
	l.conns <- theirs
	l.t.Cleanup(func() { _ = ours.Close() })
	synctest.Wait()
	return &guest{l, ours, bufio.NewReader(ours)}
}

// send sends the head of a request, and returns the status of the answer.
func (g *guest) send(head string) int {
	g.l.t.Helper()
	go func() { _, _ = io.WriteString(g.conn, head+"\r\n\r\n") }() // The server may answer before it has read all.
	resp, err := http.ReadResponse(g.in, nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	synctest.Wait()
	return resp.StatusCode
}

func (g *guest) ask(owner string) int {
	return g.send("GET / HTTP/1.1\r\nHost: x\r\nX-Owner: " + owner)
}

// hang sends a request that has no end.
func (g *guest) hang(owner string) {
	_, _ = fmt.Fprintf(g.conn, "GET /hang HTTP/1.1\r\nHost: x\r\nX-Owner: %s\r\n\r\n", owner)
	synctest.Wait()
}

// ended reports whether the server has closed the connection.
func (g *guest) ended() bool {
	synctest.Wait()
	_ = g.conn.SetReadDeadline(time.Now().Add(time.Second))
	_, err := g.in.Peek(1)
	_ = g.conn.SetReadDeadline(time.Time{})
	return err == io.EOF
}

func (g *guest) wantEnded(what string, want bool) {
	g.l.t.Helper()
	if got := g.ended(); got != want {
		g.l.t.Errorf("%s: ended is %v, want %v", what, got, want)
	}
}

func TestDoor_strangers_haveLittleTimeAndRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, 16) // Four of them strangers'.
		known := l.come()
		known.ask("a")
		var strangers []*guest
		for range 5 {
			strangers = append(strangers, l.come())
		}
		strangers[0].wantEnded("the first of five strangers", true)
		strangers[4].wantEnded("the last of five strangers", false)
		if got := strangers[4].ask(""); got != http.StatusUnauthorized {
			t.Errorf("a stranger without a credential: got %d, want 401", got)
		}
		if got := strangers[3].ask("a"); got != http.StatusOK {
			t.Errorf("a stranger with a credential: got %d, want 200", got)
		}
		_, _ = io.WriteString(strangers[2].conn, "GET / HTTP/1.1\r\nX-Slow: ") // Its head never ends.
		time.Sleep(11 * time.Second)
		strangers[2].wantEnded("a slow head after 11 s", true)
		strangers[4].wantEnded("one that was refused, after 11 s", true)
		strangers[3].wantEnded("one that was let in, after 11 s", false)
		known.wantEnded("one that was let in long ago", false)
	})
}

// Who comes again as soon as somebody has to go for him leaves the others time: as
// fast as they come, they would take most of a processor's.
func TestDoor_floodOfStrangers_isLetInAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, 16) // Four of them strangers'.
		begun := time.Now()
		for range 4 {
			l.come()
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("four strangers came in within %v, want at once", took)
		}
		for range 1200 {
			l.come()
		}
		if took := time.Since(begun); took < 99*time.Millisecond || took > time.Second {
			t.Errorf("1200 more came in within %v, want 99 ms to 1 s", took)
		}
	})
}

// Whoever has one address of IPv6 has 2^64 of them.
func TestNetwork_isWhatOneClientHasOneOf(t *testing.T) {
	for remote, want := range map[string]string{
		"127.0.0.1:7": "127.0.0.1", "[::ffff:10.0.0.1]:7": "10.0.0.1", "[::1]:7": "::", "pipe": "pipe",
		"[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::", "[2001:db8:1:2::9]:8": "2001:db8:1:2::", "[2001:db8:1:3::9]:8": "2001:db8:1:3::",
		"[fe80::1%eth0]:7": "fe80::",
	} {
		if got := entrance.Network(remote); got != want {
			t.Errorf("%s: got %q, want %q", remote, got, want)
		}
	}
}

func TestDoor_whoHasTheMost_givesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, 16) // Twelve of them guests'.
		var hog []*guest
		for range 12 {
			g := l.come()
			g.ask("hog")
			hog = append(hog, g)
		}
		hog[0].ask("hog") // It is idle for the shortest time now.
		other := l.come()
		if got := other.ask("other"); got != http.StatusOK {
			t.Errorf("another one: got %d, want 200", got)
		}
		hog[1].wantEnded("the hog's that was idle longest", true)
		hog[0].wantEnded("the hog's that was idle last", false)
		more := l.come()
		if got := more.ask("hog"); got != http.StatusOK {
			t.Errorf("the hog, with idle ones: got %d, want 200", got)
		}
		hog[2].wantEnded("the next one of the hog's", true)
		other.wantEnded("the other one's", false)
	})
}

// A request that waits before its body is read ends with its connection.
func TestDoor_whoHasToGo_endsWhatRuns_beforeItsBodyIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, 16) // Twelve of them guests'.
		for range 12 {
			_, _ = io.WriteString(l.come().conn, "POST /hang HTTP/1.1\r\nHost: x\r\nX-Owner: hog\r\nContent-Length: 1000\r\n\r\n")
		}
		synctest.Wait()
		if got := l.hanging.Load(); got != 12 {
			t.Fatalf("%d requests run, want 12", got)
		}
		l.come().ask("other")
		synctest.Wait()
		if got := l.hanging.Load(); got != 11 {
			t.Errorf("%d requests run, want 11: one of the hog's had to go", got)
		}
	})
}

func TestDoor_whereAllAreBusy_theHogsNewestGoes_butNotForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, 16)
		var hog []*guest
		for range 12 {
			g := l.come()
			g.hang("hog")
			hog = append(hog, g)
		}
		if got := l.come().ask("hog"); got != http.StatusServiceUnavailable {
			t.Errorf("one more of the hog's: got %d, want 503", got)
		}
		other := l.come()
		if got := other.ask("other"); got != http.StatusOK {
			t.Errorf("another one: got %d, want 200", got)
		}
		hog[11].wantEnded("the hog's newest", true)
		hog[0].wantEnded("the hog's oldest", false)
	})
}

// A proxy may go by the length that we don't go by: what follows would be
// somebody else's request.
func TestDoor_aRequestWithTwoLengths_isRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const chunked, body = "Transfer-Encoding: chunked", "\r\n\r\n0"
		for name, head := range map[string]string{
			"both":                   "Content-Length: 5\r\n" + chunked + body,
			"the other way round":    chunked + "\r\nContent-Length: 5" + body,
			"in other letters":       "cOnTeNt-LeNgTh: 5\r\ntransfer-ENCODING: chunked" + body,
			"with bare line feeds":   "Content-Length: 5\nTransfer-Encoding: chunked" + body,
			"far behind each other":  "Content-Length: 5\r\nX-Long: " + strings.Repeat("x", 20_000) + "\r\n" + chunked + body,
			"after an empty line":    "Content-Length: 5\r\n" + chunked + body,
			"with a length of zero":  "Content-Length: 0\r\n" + chunked + body,
			"with the length before": "X: y\r\nContent-Length:5\r\nY: z\r\nTransfer-Encoding:chunked" + body,
		} {
			for _, size := range []int{1, 7, 100_000} {
				l := open(t, 16)
				g := l.come()
				first := ""
				if name == "after an empty line" {
					first = "\r\n"
				}
				g.conn = chopped{g.conn, size}
				for i := range 2 { // Fresh, and on a connection that is kept.
					if got := g.send("POST / HTTP/1.1\r\nHost: x\r\nX-Owner: a\r\nContent-Length: 0"); i == 0 && got != http.StatusOK {
						t.Fatalf("%s: a good request: got %d, want 200", name, got)
					}
				}
				if got := g.send(first + "POST / HTTP/1.1\r\nHost: x\r\nX-Owner: a\r\n" + head); got != http.StatusBadRequest {
					t.Errorf("%s, %d bytes at a time: got %d, want 400", name, size, got)
				}
				g.wantEnded(name, true)
			}
		}
		g := open(t, 16).come()
		for _, head := range []string{chunked + body, "Content-Length: 0", "X-Content-Length: 1\r\n" + chunked + body} {
			if got := g.send("POST / HTTP/1.1\r\nHost: x\r\nX-Owner: a\r\n" + head); got != http.StatusOK {
				t.Errorf("%q: got %d, want 200", head, got)
			}
		}
	})
}

// net/http answers OPTIONS * by itself, unless it is told not to: nobody looked at its
// lengths, and the next request was held against those of the one before.
func TestDoor_optionsOfTheWholeServer_areLookedAtToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const head = "OPTIONS * HTTP/1.1\r\nHost: x\r\nX-Owner: a\r\n"
		g := open(t, 16).come()
		if got := g.send(head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0"); got != http.StatusBadRequest {
			t.Errorf("with two lengths: got %d, want 400", got)
		}
		g.wantEnded("with two lengths", true)
		g = open(t, 16).come()
		if got := g.send(strings.Replace(head, "X-Owner: a\r\n", "", 1) + "Content-Length: 0"); got != http.StatusUnauthorized {
			t.Errorf("of nobody: got %d, want 401 as for any other path", got)
		}
	})
}

// chopped writes a few bytes at a time.
type chopped struct {
	net.Conn

	size int
}

func (c chopped) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var more int
		more, err = c.Conn.Write(b[n:min(len(b), n+c.size)])
		n += more
	}
	return n, err
}

// What comes together with the request before is read before anybody looks at it.
func TestDoor_aRequestInChunks_sentTogetherWithTheOneBefore_isRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const begin = "POST / HTTP/1.1\r\nHost: x\r\nX-Owner: a\r\n"
		for second, want := range map[string]int{
			"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0": http.StatusBadRequest,
			"Transfer-Encoding: chunked\r\n\r\n0":                      http.StatusBadRequest,
			"Content-Length: 0":                                        http.StatusOK,
		} {
			g := open(t, 16).come()
			if got := g.send(begin + "Content-Length: 0\r\n\r\n" + begin + second); got != http.StatusOK {
				t.Fatalf("the first: got %d, want 200", got)
			}
			resp, err := http.ReadResponse(g.in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _ = resp.Body.Close(); resp.StatusCode != want {
				t.Errorf("%q: got %d, want %d", second, resp.StatusCode, want)
			}
			synctest.Wait()
		}
	})
}

// The begin of a head may have been read together with the request before, and hold the
// length that the rest of it does not show.
func TestDoor_aRequestInChunks_begunTogetherWithOneBefore_isRefused(t *testing.T) {
	const begin = "POST / HTTP/1.1\r\nHost: x\r\nX-Owner: a\r\n"
	const hidden = begin + "Content-Length: 0\r\n"
	const chunked = "Transfer-Encoding: chunked\r\n\r\n"
	for name, first := range map[string]string{
		"one without a body":      begin + "Content-Length: 0\r\n\r\n",
		"one with a body":         begin + "Content-Length: 5\r\n\r\nabcde",
		"one in chunks":           begin + chunked + "5\r\nabcde\r\n0\r\n\r\n",
		"one in chunks, trailers": begin + "Trailer: X\r\n" + chunked + "5\r\nabcde\r\n0\r\nX: y\r\n\r\n",
		"two":                     begin + "Content-Length: 0\r\n\r\n" + begin + "Content-Length: 4\r\n\r\n\r\n\r\n",
		"two, one in chunks":      begin + chunked + "0\r\n\r\n" + begin + "Content-Length: 4\r\n\r\n\r\n\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			for _, early := range []string{hidden, hidden + "X: y\r\n", hidden + "\r\n" + hidden} {
				g := open(t, 16).come()
				g.write(first + early)
				answers := 1 + strings.Count(name, "two") + strings.Count(early, "\r\n\r\n")
				for range answers {
					if got := g.answer(); got != http.StatusOK {
						t.Fatalf("after %s: got %d, want 200 for what was before", name, got)
					}
				}
				g.write(chunked + "0\r\n\r\n")
				if got := g.answer(); got != http.StatusBadRequest {
					t.Errorf("after %s and %q: got %d, want 400", name, early, got)
				}
			}
		})
	}
}

// Whoever waits for each answer may send all of them in chunks.
func TestDoor_requestsInChunks_oneAfterTheOther_areServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const begin = "POST / HTTP/1.1\r\nHost: x\r\nX-Owner: a\r\n"
		const chunked = begin + "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
		for _, size := range []int{1, 7, 100_000} {
			g := open(t, 16).come()
			g.conn = chopped{g.conn, size}
			for i, request := range []string{chunked, chunked, begin + "Content-Length: 5\r\n\r\nabcde", chunked, begin + "\r\n", chunked} {
				g.write(request)
				if got := g.answer(); got != http.StatusOK {
					t.Errorf("request %d, %d bytes at a time: got %d, want 200", i, size, got)
				}
			}
		}
	})
}

// write sends bytes, in the background: the server may answer before it has read all.
func (g *guest) write(text string) {
	go func() { _, _ = io.WriteString(g.conn, text) }()
	synctest.Wait()
}

// answer returns the status of the next answer; 0 for the end of the connection.
func (g *guest) answer() int {
	resp, err := http.ReadResponse(g.in, nil)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	synctest.Wait()
	return resp.StatusCode
}
