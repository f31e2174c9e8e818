//go:build linux

package chaos_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// attackVariable holds what an attacker process is told: a test binary that
// finds it in its environment attacks from the first byte of its input to its end.
const attackVariable = "GATEHOUSE_CHAOS_ATTACKER"

// orders are what an attacker is told.
type orders struct {
	URL     string
	Token   string
	Attacks []string
	// Force divides how many of everything an attacker sends, and how large:
	// 1 is all that it has.
	Force int
	// Files is the gateway's limit of descriptors.
	Files int
}

// becomeAttacker attacks if that is what the process was started for. It
// returns only otherwise.
func becomeAttacker() {
	text := os.Getenv(attackVariable)
	if text == "" {
		return
	}
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	becomeIdle()
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	defer stop()
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		os.Exit(0) // It was never told to begin.
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // Whoever started it has had enough, or is gone.
	}()
	var all sync.WaitGroup
	for _, name := range o.Attacks {
		all.Go(func() { attacks[name](ctx, newAttacker(o)) })
	}
	all.Wait()
}

// schedIdle is the scheduling policy of those who get what all others leave.
const schedIdle = 5

// becomeIdle has this process run on what all others leave of the processors:
// it stands for another machine, and what an attack costs the attacker must not
// be taken for what it costs the gateway. Linux knows priorities of threads
// alone, so the program begins anew on one that has the lowest.
func becomeIdle() {
	runtime.LockOSThread()
	if policy, _, _ := syscall.Syscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0); policy == schedIdle {
		runtime.UnlockOSThread()
		return
	}
	var priority int32 // This policy has no other one.
	_, _, failed := syscall.Syscall(syscall.SYS_SCHED_SETSCHEDULER, 0, schedIdle, uintptr(unsafe.Pointer(&priority)))
	err := error(failed)
	if failed == 0 {
		err = syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, "the attacker cannot give way to others:", err)
	os.Exit(2)
}

// attacks by name.
var attacks = map[string]func(context.Context, *attacker){
	"wide messages":    wideMessages,
	"batches":          batches,
	"unread answers":   unreadAnswers,
	"large lists":      largeLists,
	"long lines":       longLines,
	"crashes":          crashes,
	"slow bodies":      slowBodies,
	"idle streams":     idleStreams,
	"hanging calls":    hangingCalls,
	"idle connections": idleConnections,
	"half heads":       halfHeads,
	"floods":           floods,
	"pings":            pings,
	"denied calls":     deniedCalls,
}

// attacker is one client that means ill. Whatever comes back, it goes on.
type attacker struct {
	orders
	client  *http.Client
	session string
}

// dialer has the attacker come from an address of its own, as from another
// machine: who has not shown a credential yet is told apart by nothing else.
var dialer = &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}

func newAttacker(o orders) *attacker {
	a := &attacker{orders: o, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4096, DialContext: dialer.DialContext}}}
	// A batch is part of this revision only.
	body := `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"attacker","version":"1"}}}`
	if resp, err := a.send(context.Background(), strings.NewReader(body), int64(len(body))); err == nil {
		a.session = resp.Header.Get("Mcp-Session-Id")
		_ = resp.Body.Close()
	}
	return a
}

// few is n at full force, and at least 1.
func (a *attacker) few(n int) int { return max(1, n/a.Force) }

// crowd runs f again and again in n goroutines, until ctx ends. One that fails
// waits a moment, so that it doesn't only burn its own time.
func (a *attacker) crowd(ctx context.Context, n int, f func(context.Context, int) error) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				if f(ctx, i+round*n) != nil {
					pauseFor(ctx, 10*time.Millisecond)
				}
			}
		})
	}
	all.Wait()
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// request makes a POST.
func (a *attacker) request(ctx context.Context, body io.Reader, size int64) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, body)
	if err != nil {
		panic(err) // It is our own url.
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	a.sign(req.Header)
	return req
}

// sign adds who is asking.
func (a *attacker) sign(h http.Header) {
	h.Set("Authorization", "Bearer "+a.Token)
	if a.session != "" {
		h.Set("Mcp-Session-Id", a.session)
		h.Set("Mcp-Protocol-Version", "2025-03-26")
	}
}

func (a *attacker) send(ctx context.Context, body io.Reader, size int64) (*http.Response, error) {
	return a.client.Do(a.request(ctx, body, size))
}

// say sends a text and reads what comes.
func (a *attacker) say(ctx context.Context, text string) error {
	resp, err := a.send(ctx, strings.NewReader(text), int64(len(text)))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// execute is a call of execute_tool as JSON; args is JSON too.
func execute(id int, server, tool, args string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"execute_tool","arguments":{"agent_id":%q,"server":%q,"tool":%q,"args":%s}}}`,
		id, mallory, server, tool, args)
}

// fill repeats a text up to a size.
func fill(text string, size int) string { return strings.Repeat(text, max(1, size/len(text))) }

// wideMessages sends messages that cost more to read than they weigh.
func wideMessages(ctx context.Context, a *attacker) {
	size := a.few(15 << 20)
	shapes := []func() string{
		func() string { return `[` + fill("0,", size) + `0]` },
		func() string { return `{"jsonrpc":"2.0","id":1,"method":"ping","params":[` + fill("[],", size) + `0]}` },
		func() string {
			return `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{"name":"a","version":"1"},"capabilities":{"experimental":[` +
				fill("{},", size) + `0]}}}`
		},
		func() string {
			return `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"a":[` + fill(`"",`, size) + `0]}}}`
		},
		func() string {
			return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_server_tools","arguments":{"agent_id":%q,"server":"rock","names":[%s""]}}}`,
				mallory, fill(`"",`, size))
		},
		func() string { return execute(1, "rock", "echo", `{"a":[`+fill("{},", min(size, 3<<20))+`0]}`) },
		func() string { return execute(1, "rock", "echo", fill("[", size)) },
		func() string { return `{"jsonrpc":"2.0","method":"ping","id":"` + fill(`\u0000`, size) + `"}` },
		func() string { return `{` + fill(`"a":0,`, size) + `"jsonrpc":"2.0","id":1,"method":"ping"}` },
		func() string {
			return `{"jsonrpc":"2.0","id":1,"method":"notifications/cancelled","params":{"requestId":[` + fill("0,", size) + `0]}}`
		},
	}
	a.crowd(ctx, a.few(12), func(ctx context.Context, i int) error { return a.say(ctx, shapes[i%len(shapes)]()) })
}

// batches asks by a small message for answers that are large together.
func batches(ctx context.Context, a *attacker) {
	calls := make([]string, 100)
	for i := range calls {
		calls[i] = execute(i+1, "rock", "big", fmt.Sprintf(`{"bytes":%d}`, a.few(4<<20)))
	}
	text := "[" + strings.Join(calls, ",") + "]"
	a.crowd(ctx, a.few(4), func(ctx context.Context, _ int) error { return a.say(ctx, text) })
}

// unreadAnswers asks for large answers and reads none of them.
func unreadAnswers(ctx context.Context, a *attacker) {
	text := execute(1, "rock", "big", fmt.Sprintf(`{"bytes":%d}`, a.few(8<<20)))
	a.crowd(ctx, a.few(80), func(ctx context.Context, _ int) error {
		return a.raw(ctx, func(conn net.Conn) error {
			if err := a.request(ctx, strings.NewReader(text), int64(len(text))).Write(conn); err != nil {
				return err
			}
			pauseFor(ctx, 20*time.Second)
			return nil
		})
	})
}

// raw opens a connection of its own, closed when ctx or f ends.
func (a *attacker) raw(ctx context.Context, f func(net.Conn) error) error {
	to, err := url.Parse(a.URL)
	if err != nil {
		return err
	}
	conn, err := dialer.DialContext(ctx, "tcp", to.Host)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	return f(conn)
}

// largeLists asks for the definitions of a server that has many.
func largeLists(ctx context.Context, a *attacker) {
	ask := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_server_tools","arguments":{"agent_id":%q,"server":"huge","max_tokens":100000000}}}`, mallory)
	a.crowd(ctx, a.few(16), func(ctx context.Context, _ int) error { return a.say(ctx, ask) })
}

// longLines sends arguments that servers die of.
func longLines(ctx context.Context, a *attacker) {
	shapes := []func() string{
		func() string { return execute(1, "ts", "echo", `{"a":"`+fill("x", 11<<20)+`"}`) },
		func() string { return execute(1, "py", "echo", `{"a":`+fill("[", 1100)+fill("]", 1100)+`}`) },
		func() string { return execute(1, "py", "echo", `{"a":`+fill("9", 100_000)+`}`) },
		func() string { return execute(1, "py", "echo", `{"a":1e`+fill("9", 2_000)+`}`) },
	}
	a.crowd(ctx, a.few(4), func(ctx context.Context, i int) error { return a.say(ctx, shapes[i%len(shapes)]()) })
}

// crashes calls the tool that its server dies of.
func crashes(ctx context.Context, a *attacker) {
	a.crowd(ctx, 1, func(ctx context.Context, i int) error {
		err := a.say(ctx, execute(i, "prey", "crash", `{}`))
		pauseFor(ctx, 10*time.Millisecond)
		return err
	})
}

// slowBodies sends a byte now and then.
func slowBodies(ctx context.Context, a *attacker) {
	text := execute(1, "rock", "echo", `{}`)
	a.crowd(ctx, a.few(2048), func(ctx context.Context, _ int) error {
		return a.raw(ctx, func(conn net.Conn) error {
			slow, in := io.Pipe()
			go func() {
				for i := 0; i < len(text) && ctx.Err() == nil; i++ {
					if _, err := in.Write([]byte(text[i : i+1])); err != nil {
						return
					}
					pauseFor(ctx, time.Second)
				}
				_ = in.Close()
			}()
			defer slow.Close()
			return a.request(ctx, slow, int64(len(text))).Write(conn)
		})
	})
}

// idleStreams opens streams on which nothing is to come.
func idleStreams(ctx context.Context, a *attacker) {
	a.crowd(ctx, a.few(1024), func(ctx context.Context, _ int) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Accept", "text/event-stream")
		a.sign(req.Header)
		resp, err := a.client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", resp.Status)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	})
}

// hangingCalls makes calls that never end, one a message and many in one.
func hangingCalls(ctx context.Context, a *attacker) {
	calls := make([]string, 100)
	for i := range calls {
		calls[i] = execute(i+1, "rock", "hang", `{}`)
	}
	batch := "[" + strings.Join(calls, ",") + "]"
	singles := a.few(900)
	a.crowd(ctx, singles+a.few(10), func(ctx context.Context, i int) error {
		if i%(singles+a.few(10)) >= singles {
			return a.say(ctx, batch)
		}
		return a.say(ctx, calls[0])
	})
}

// idleConnections opens more connections than the gateway has descriptors.
func idleConnections(ctx context.Context, a *attacker) {
	a.crowd(ctx, a.Files+44, func(ctx context.Context, _ int) error {
		return a.raw(ctx, func(conn net.Conn) error {
			_, err := bufio.NewReader(conn).ReadByte()
			return err
		})
	})
}

// halfHeads begins more requests than the gateway has descriptors, and ends none.
func halfHeads(ctx context.Context, a *attacker) {
	a.crowd(ctx, a.Files+44, func(ctx context.Context, _ int) error {
		return a.raw(ctx, func(conn net.Conn) error {
			if _, err := io.WriteString(conn, "POST /mcp HTTP/1.1\r\nHost: "); err != nil {
				return err
			}
			_, err := bufio.NewReader(conn).ReadByte()
			return err
		})
	})
}

// floods sends small things as fast as they go.
func floods(ctx context.Context, a *attacker) {
	shapes := []string{
		`{"jsonrpc":"2.0","id":1,"method":"ping"}`, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
		execute(1, "rock", "echo", `{}`), `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `{`,
	}
	a.crowd(ctx, a.few(64), func(ctx context.Context, i int) error { return a.say(ctx, shapes[i%len(shapes)]) })
}

// pings is a flood of what is not a call.
func pings(ctx context.Context, a *attacker) {
	shapes := []string{
		`{"jsonrpc":"2.0","id":1,"method":"ping"}`, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `{`,
	}
	a.crowd(ctx, a.few(64), func(ctx context.Context, i int) error { return a.say(ctx, shapes[i%len(shapes)]) })
}

// deniedCalls fills the audit log.
func deniedCalls(ctx context.Context, a *attacker) {
	long := fill("n", a.few(60<<10))
	a.crowd(ctx, a.few(32), func(ctx context.Context, i int) error {
		name := rand.Text() + long
		if i%2 == 0 {
			return a.say(ctx, execute(i, name, "echo", `{}`))
		}
		return a.say(ctx, execute(i, "vault", name, `{}`))
	})
}
