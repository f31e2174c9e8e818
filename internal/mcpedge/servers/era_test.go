package servers_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

const (
	goodDiscover = `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private",` +
		`"instructions":"Be new.","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"new","version":"2"}}}`
	notFound = `"error":{"code":-32601,"message":"what?"}`
)

// script is how a server answers what it is asked, by method. A method that
// is not in it is never answered.
type script map[string]step

type step struct {
	answer string        // `"result":...` or `"error":...`
	after  time.Duration // from when it was read; others are read meanwhile
	dies   bool
}

// met is what came of opening a session with a scripted server.
type met struct {
	session *servers.Stdio
	err     error
	next    endpoint.Era
	asked   []string // the methods, in order, until OpenStdio had returned
	took    time.Duration
}

// meet opens a session with a scripted server, within a bubble.
func meet(t *testing.T, hint endpoint.Era, server script) (m met) {
	t.Helper()
	p, pipes := newPeer(t)
	asked := make(chan request, 100)
	go func() {
		for r := p.read(); r.line != ""; r = p.read() {
			asked <- r
			does, known := server[r.Method]
			switch {
			case does.dies:
				time.AfterFunc(does.after, p.die)
			case known && r.ID != nil:
				time.AfterFunc(does.after, func() { p.write(`{"jsonrpc":"2.0","id":%s,%s}`, r.ID, does.answer) })
			}
		}
	}()
	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m.session, m.err = servers.OpenStdio(ctx, pipes, servers.Options{Era: hint, OnEra: func(e endpoint.Era) { m.next = e }})
	m.took = time.Since(begun)
	synctest.Wait()
	for len(asked) > 0 {
		m.asked = append(m.asked, (<-asked).Method)
	}
	t.Cleanup(func() {
		if m.session != nil {
			m.session.Close(nil)
			<-m.session.Done()
		}
	})
	return m
}

func TestOpenStdio_findsTheEraOfTheServer(t *testing.T) {
	const stateless, older = "2026-07-28", "2025-11-25"
	bothWays := servers.ErrAskedBothWays.Error()
	good, found := step{answer: `"result":` + goodInitialize}, step{answer: `"result":` + goodDiscover}
	unknown := step{answer: notFound}
	unsupported := func(versions string) step {
		return step{answer: `"error":{"code":-32022,"message":"no","data":{"requested":"2026-07-28","supported":` + versions + `}}`}
	}
	late := func(s step, after time.Duration) step { s.after = after; return s }
	for name, c := range map[string]struct {
		hint     endpoint.Era
		server   script
		revision string // empty for a failure
		says     string // the failure
		next     endpoint.Era
		asked    string
		took     time.Duration
	}{
		"a stateless one is asked once": {
			"", script{"server/discover": found}, stateless, "", endpoint.EraStateless, "server/discover", 0,
		},
		"a slow stateless one is asked by initialize as well, and its later answer wins": {
			"",
			script{"server/discover": late(found, 3*time.Second), "initialize": late(unknown, 2600*time.Millisecond)},
			stateless, "", endpoint.EraStateless, "server/discover initialize", 3100 * time.Millisecond,
		},
		"a slow stateless one that ignores initialize is waited for a little": {
			"",
			script{"server/discover": late(found, 3*time.Second)},
			stateless, "", endpoint.EraStateless, "server/discover initialize", 3500 * time.Millisecond,
		},
		"one of both eras that has accepted both is to be asked once more, by one": {
			"",
			script{"server/discover": late(found, 3*time.Second), "initialize": late(good, 2600*time.Millisecond)},
			"", bothWays, endpoint.EraStateless, "server/discover initialize", 3100 * time.Millisecond,
		},
		"one of both eras that answers initialize first is too": {
			"",
			script{"server/discover": late(found, 600*time.Millisecond), "initialize": good},
			"", bothWays, endpoint.EraStateless, "server/discover initialize", 600 * time.Millisecond,
		},
		"a slow stateless one that dies of initialize is not asked by it again": {
			"",
			script{"server/discover": late(found, 600*time.Millisecond), "initialize": {dies: true, after: 200 * time.Millisecond}},
			"", "closed its output", endpoint.EraStateless, "server/discover initialize", 700 * time.Millisecond,
		},
		"an older one that says so is asked by initialize at once": {
			"",
			script{"server/discover": unknown, "initialize": good},
			older, "", endpoint.EraInitialize, "server/discover initialize notifications/initialized", 0,
		},
		"any other error means the same": {
			"",
			script{"server/discover": {answer: `"error":{"code":-32602,"message":"Invalid request parameters"}`}, "initialize": good},
			older, "", endpoint.EraInitialize, "server/discover initialize notifications/initialized", 0,
		},
		"an answer that is none to this question means the same": {
			"",
			script{"server/discover": {answer: `"result":{}`}, "initialize": good},
			older, "", endpoint.EraInitialize, "server/discover initialize notifications/initialized", 0,
		},
		"one that supports older revisions only is asked for them": {
			"",
			script{"server/discover": unsupported(`["2025-11-25"]`), "initialize": good},
			older, "", endpoint.EraInitialize, "server/discover initialize notifications/initialized", 0,
		},
		"an older one that ignores what it does not know": {
			"",
			script{"initialize": good},
			older, "", endpoint.EraInitialize, "server/discover initialize notifications/initialized", time.Second,
		},
		"a remembered stateless one is not asked by initialize, however slow": {
			endpoint.EraStateless,
			script{"server/discover": late(found, 5*time.Second), "initialize": good},
			stateless, "", endpoint.EraStateless, "server/discover", 5 * time.Second,
		},
		"a remembered stateless one that has become an older one": {
			endpoint.EraStateless,
			script{"server/discover": unknown, "initialize": good},
			older, "", endpoint.EraInitialize, "server/discover initialize notifications/initialized", 0,
		},
		"a remembered older one is asked by initialize alone": {
			endpoint.EraInitialize,
			script{"initialize": late(good, 5*time.Second)},
			older, "", endpoint.EraInitialize, "initialize notifications/initialized", 5 * time.Second,
		},
		"a remembered older one that has become a stateless one": {
			endpoint.EraInitialize,
			script{"initialize": unknown, "server/discover": found},
			stateless, "", endpoint.EraStateless, "initialize server/discover", 0,
		},
		"one that dies of the question is asked the other way next time": {
			"", script{"server/discover": {dies: true}}, "", "closed its output", endpoint.EraInitialize, "server/discover", 0,
		},
		"one that dies of initialize too is asked anew": {
			endpoint.EraInitialize, script{"initialize": {dies: true}}, "", "closed its output", endpoint.EraUnknown, "initialize", 0,
		},
		"one that was stateless and dies is asked anew": {
			endpoint.EraStateless, script{"server/discover": {dies: true}}, "", "closed its output", endpoint.EraUnknown, "server/discover", 0,
		},
		"one that refuses both is shown by its answer to initialize": {
			"",
			script{"server/discover": unknown, "initialize": {answer: `"error":{"code":-32000,"message":"no licence"}`}},
			"", "initialize the session: the server answered with an error: no licence (-32000)", endpoint.EraUnknown, "server/discover initialize", 0,
		},
		"one of the future is shown by what it speaks": {
			"",
			script{"server/discover": unsupported(`["2030-01-01"]`), "initialize": unknown},
			"", `revision "2030-01-01", gatehouse speaks`, endpoint.EraUnknown, "server/discover initialize", 0,
		},
		"one that answers nothing": {
			"", script{}, "", servers.ErrMute.Error(), endpoint.EraInitialize, "server/discover initialize", 5500 * time.Millisecond,
		},
		"one that answers nothing is asked by initialize alone": {
			endpoint.EraInitialize, script{}, "", context.DeadlineExceeded.Error(), endpoint.EraUnknown, "initialize", time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := meet(t, c.hint, c.server)
				switch {
				case c.revision == "" && (m.err == nil || !strings.Contains(m.err.Error(), c.says)):
					t.Errorf("got error %v, want %q", m.err, c.says)
				case c.revision != "" && m.err != nil:
					t.Fatalf("got error %v, want revision %s", m.err, c.revision)
				case c.revision != "" && m.session.Info().ProtocolVersion != c.revision:
					t.Errorf("got revision %s, want %s", m.session.Info().ProtocolVersion, c.revision)
				}
				if m.next != c.next {
					t.Errorf("next is %q, want %q", m.next, c.next)
				}
				if got := strings.Join(m.asked, " "); got != c.asked {
					t.Errorf("it was asked %q, want %q", got, c.asked)
				}
				if m.took != c.took {
					t.Errorf("it took %v of the bubble's time, want %v", m.took, c.took)
				}
			})
		})
	}
}

func TestOpenStdio_readsWhatAStatelessServerSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meet(t, "", script{"server/discover": {answer: `"result":` + goodDiscover}})
		want := endpoint.ServerInfo{
			ProtocolVersion: "2026-07-28", Name: "new", Version: "2", Instructions: "Be new.", Tools: true,
			About: `{"name":"new","version":"2"}`, Capabilities: `{"tools":{}}`,
		}
		if m.err != nil || m.session.Info() != want {
			t.Errorf("got %v %+v, want %+v", m.err, m.session.Info(), want)
		}
	})
}

// openStateless opens a session with a peer that has answered server/discover.
func openStateless(t *testing.T, opts servers.Options, discover string) (*servers.Stdio, *peer) {
	t.Helper()
	p, pipes := newPeer(t)
	shook := make(chan struct{})
	go func() {
		defer close(shook)
		p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, p.read().ID, discover)
		if strings.Contains(discover, "listChanged") {
			p.acknowledge()
		}
	}()
	opts.Era = endpoint.EraStateless
	s, err := servers.OpenStdio(t.Context(), pipes, opts)
	if err != nil {
		t.Fatal(err)
	}
	await(t, shook)
	t.Cleanup(func() {
		s.Close(errors.New("the test is over"))
		await(t, s.Done())
	})
	return s, p
}

// acknowledge reads a subscription and acknowledges it.
func (p *peer) acknowledge() request {
	r := p.read()
	p.write(`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true},`+
		`"_meta":{"io.modelcontextprotocol/subscriptionId":%s}}}`, r.ID)
	return r
}

func TestCall_stateless_saysItsRevisionNameAndCapabilities(t *testing.T) {
	s, p := openStateless(t, servers.Options{Version: "1.2.3"}, goodDiscover)
	const own = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"gatehouse","version":"1.2.3"}`
	const caps = `"io.modelcontextprotocol/clientCapabilities":`
	for name, c := range map[string]struct {
		params, capabilities string
		progress             bool
		want                 string
	}{
		"no params":                       {``, ``, false, `{"_meta":{` + own + `,` + caps + `{}}}`},
		"empty params":                    {` { } `, ``, false, `{"_meta":{` + own + `,` + caps + `{}}}`},
		"params keep their bytes":         {`{"a":9007199254740993,"b":1.0}`, ``, false, `{"_meta":{` + own + `,` + caps + `{}},"a":9007199254740993,"b":1.0}`},
		"capabilities of the caller":      {`{"a":1}`, `{"elicitation":{"x":9007199254740993}}`, false, `{"_meta":{` + own + `,` + caps + `{"elicitation":{"x":9007199254740993}}},"a":1}`},
		"capabilities that are no object": {`{"a":1}`, `{}},"method":"x"`, false, `{"_meta":{` + own + `,` + caps + `{}},"a":1}`},
		"a _meta keeps its other members": {
			`{"a":1,"_meta":{"x":[1.0],"io.modelcontextprotocol/protocolVersion":"1"}}`, ``, false,
			`{"a":1,"_meta":{"x":[1.0],"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"gatehouse","version":"1.2.3"},` + caps + `{}}}`,
		},
		"params that are no object": {`[1]`, ``, false, `[1]`},
	} {
		t.Run(name, func(t *testing.T) {
			req := tool(c.params)
			req.Capabilities = json.RawMessage(c.capabilities)
			done := call(t.Context(), s, req)
			r := p.read()
			if string(r.Params) != c.want {
				t.Errorf("got  %s\nwant %s", r.Params, c.want)
			}
			p.write(`{"jsonrpc":"2.0","id":%s,"result":{}}`, r.ID)
			wantResult(t, await(t, done), "{}")
		})
	}
	t.Run("the progress token stays", func(t *testing.T) {
		req := tool(`{}`)
		req.Progress = func(json.RawMessage) {}
		done := call(t.Context(), s, req)
		r := p.read()
		want := `{"_meta":{` + own + `,` + caps + `{},"progressToken":` + string(r.ID) + `}}`
		if string(r.Params) != want {
			t.Errorf("got  %s\nwant %s", r.Params, want)
		}
		p.write(`{"jsonrpc":"2.0","id":%s,"result":{}}`, r.ID)
		wantResult(t, await(t, done), "{}")
	})
}

// A server that computes is slow, not silent, on a busy machine: it is asked once,
// unless it computes without end.
func TestOpenStdio_busyAfterTheQuestion_isAskedOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		works time.Duration
		want  []string
	}{
		{"for some seconds", 3 * time.Second, []string{"server/discover"}},
		{"without end", time.Hour, []string{"server/discover", "initialize"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, pipes := newPeer(t)
				begun := time.Now()
				pipes.Unread = func() (int, bool) { return 0, true }
				pipes.Computing = func() bool { return time.Since(begun) < c.works }
				var asked []string
				go func() {
					for r := p.read(); r.line != ""; r = p.read() {
						asked = append(asked, r.Method)
						switch {
						case r.Method == "initialize":
							p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, r.ID, goodInitialize)
						case c.works < time.Minute:
							time.Sleep(c.works + 100*time.Millisecond)
							p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, r.ID, goodDiscover)
						}
					}
				}()
				s, err := servers.OpenStdio(t.Context(), pipes, servers.Options{})
				if err != nil {
					t.Fatalf("got %v, want a session", err)
				}
				synctest.Wait()
				if got := asked[:len(c.want)]; !slices.Equal(got, c.want) || s.Info().Stateless() != (len(c.want) == 1) {
					t.Errorf("it was asked %v, want %v", asked, c.want)
				}
				s.Close(nil)
				<-s.Done()
			})
		})
	}
}

// A server that has not read the first question is still starting: a second one
// could settle it on the older era.
func TestOpenStdio_slowToStart_isAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, pipes := newPeer(t)
		var read atomic.Bool
		pipes.Unread = func() (int, bool) {
			if read.Load() {
				return 0, true
			}
			return 100, true
		}
		asked := make(chan string, 10)
		go func() {
			time.Sleep(3 * time.Second)
			read.Store(true)
			for r := p.read(); r.line != ""; r = p.read() {
				asked <- r.Method
				answer := goodInitialize
				if r.Method == "server/discover" {
					answer = goodDiscover
				}
				time.Sleep(400 * time.Millisecond)
				p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, r.ID, answer)
			}
		}()
		s, err := servers.OpenStdio(t.Context(), pipes, servers.Options{})
		if err != nil || s.Info().ProtocolVersion != "2026-07-28" {
			t.Fatalf("got %v, want a session of 2026-07-28", err)
		}
		if len(asked) != 1 {
			t.Errorf("it was asked %d questions, want 1", len(asked))
		}
		s.Close(nil)
		<-s.Done()
	})
}
