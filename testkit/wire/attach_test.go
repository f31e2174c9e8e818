//go:build unix

package wire_test

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// bytesOf are the lines that came for each message, by the names of both.
type bytesOf struct{ name, sent, came string }

// A client cannot tell attach from run: whatever it sends, what it reads is the same to
// the byte, call ids apart.
func TestAttach_everyMessage_getsTheSameBytesAsFromRun(t *testing.T) {
	t.Parallel()
	notBothWays(t)
	for name, s := range map[string]shape{"2025-11-25": legacyCall, stateless: statelessCall} {
		t.Run(name, func(t *testing.T) {
			list := slices.Concat(s.texts(), s.calls(), s.variations())
			if name == stateless {
				list = slices.Concat(s.texts(), s.calls()) // Its members are read by the same code.
			}
			compareBytes(t, bytesFor(t, s, list, false), bytesFor(t, s, list, true))
		})
	}
}

// bytesFor is what a gateway writes for each of the messages, by itself or behind attach.
// Those with an effect on what follows are left out.
func bytesFor(t *testing.T, s shape, list []message, behindAttach bool) (all []bytesOf) {
	t.Helper()
	pipe := &lines{overStdio(t, ruled(t, behindAttach))}
	hello := dial(t, "", "2025-11-25", pipe.stdioWire)
	all = append(all, bytesOf{"initialize", "", string(hello.hello.message)})
	k := talk{name: "stdio", over: pipe, shape: s}
	for _, m := range list {
		body := onOneLine([]byte(m.body))
		want := k.expects(body)
		if want.untold || len(body) > 1<<20 {
			continue
		}
		got, err := pipe.exchange(t.Context(), body, want.answers, nil)
		if err != nil {
			t.Fatalf("%s: %v, want an answer to %.300q", m.name, err, body)
		}
		all = append(all, bytesOf{m.name, string(body), string(bytes.Join(got.notes, nil))})
	}
	return all
}

// ruled starts a gateway over stdio whose rules allow a little of "pipe".
func ruled(t *testing.T, behindAttach bool) *testkit.Gateway {
	t.Helper()
	return startReady(t, testkit.Options{
		Servers: testkit.Servers{"pipe": testkit.Fake(t), "closed": testkit.Fake(t)}.JSON(),
		Rules: testkit.Rules{
			"a": {Allow: []string{"pipe"}, Tools: testkit.Tools{"pipe": {"mirror", "echo", "sleep", "oddities", "progress", "fail", "rpcerror", "say", "big"}}},
			"b": {Allow: []string{"closed"}},
		}.JSON(),
		Args: []string{"--agent", "a,b", "--drain-on-eof", "1m"}, Env: []string{testkit.Built(t)}, Stdio: true, Attach: behindAttach,
	}, "pipe", "closed")
}

// What the rules refuse, what is cancelled, what tells its progress and what still runs
// at the end of the input: the whole of what a client reads, to the end of the output.
func TestAttach_aWholeSession_isTheSameToTheByte(t *testing.T) {
	t.Parallel()
	notBothWays(t)
	compareBytes(t, session(t, ruled(t, false)), session(t, ruled(t, true)))
}

// turns are what a client says, with the number of lines that it waits for before it
// says the next.
var turns = []struct {
	name, say string
	lines     int
}{
	{"a question before initialize", `{"jsonrpc":"2.0","id":"early","method":"tools/list"}`, 1},
	{"initialize, behind a byte order mark", "\uFEFF" + `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{"roots":{"listChanged":true}},"clientInfo":{"name":"wire","version":"1"}}}`, 1},
	{"initialized", `{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\r", 0},
	{"initialize again", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"1999-01-01"}}`, 1},
	{"ping", `{"jsonrpc":"2.0","id":-7,"method":"ping"}`, 1},
	{"the tools", `{"jsonrpc":"2.0","id":"é","method":"tools/list","params":{}}`, 1},
	{"a batch", `[{"jsonrpc":"2.0","id":2,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":3,"method":"nothing"}]`, 1},
	{"no JSON", "nothing\x00at all", 1},
	{"the servers of a", call(10, "list_servers", `{}`), 1},
	{"the servers of b", call(11, "list_servers", `{"agent_id":"b"}`), 1},
	{"an agent that the client may not be", call(12, "list_servers", `{"agent_id":"c"}`), 1},
	{"the tools of a server", call(13, "get_server_tools", `{"server":"pipe","names":"echo,mirror"}`), 1},
	{"those of a server of another agent", call(14, "get_server_tools", `{"server":"closed"}`), 1},
	{"a search", call(15, "search_tools", `{"query":"wait a while"}`), 1},
	{"a call", run(20, "pipe", "echo", `{ "n" : 1.0, "deep":[{"a":9007199254740993}] }`), 1},
	{"a tool that the rules deny", run(21, "pipe", "crash", `{}`), 1},
	{"a tool that nobody has", run(22, "pipe", "no-such-tool", `{}`), 1},
	{"a server that the rules deny", run(23, "closed", "echo", `{}`), 1},
	{"a server that nobody has", run(24, "no-such-server", "echo", `{}`), 1},
	{"a call that fails", run(25, "pipe", "fail", `{}`), 1},
	{"a call that the server refuses", run(26, "pipe", "rpcerror", `{}`), 1},
	{"a mebibyte", run(27, "pipe", "big", `{"bytes":1048576}`), 1},
	{"progress", strings.Replace(run(28, "pipe", "progress", `{"n":3}`), `"params":{`, `"params":{"_meta":{"progressToken":"p"},`, 1), 4},
	{"a call that is cancelled", run(29, "pipe", "sleep", `{"ms":600000}`), 0},
	{"its cancellation", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":29,"reason":"enough"}}`, 0},
	{"an answer that nobody waits for", `{"jsonrpc":"2.0","id":99,"result":{}}`, 0},
	{"a ping behind it", `{"jsonrpc":"2.0","id":30,"method":"ping"}`, 1},
}

func call(id int, tool, args string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, id, tool, args)
}

func run(id int, server, tool, args string) string {
	return call(id, "execute_tool", fmt.Sprintf(`{"server":%q,"tool":%q,"args":%s}`, server, tool, args))
}

// session has the conversation of turns, then ends the input behind a call that takes a
// while and a ping without a line end.
func session(t *testing.T, g *testkit.Gateway) (all []bytesOf) {
	t.Helper()
	w := overStdio(t, g)
	say := func(text string) {
		if _, err := io.WriteString(w.in, text); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(what string) string {
		line, err := w.line(t.Context())
		if err != nil {
			t.Fatalf("%s: %v, want a line more", what, err)
		}
		return string(line)
	}
	for _, turn := range turns {
		say(turn.say + "\n")
		var came strings.Builder
		for range turn.lines {
			came.WriteString(hear(turn.name))
		}
		all = append(all, bytesOf{turn.name, turn.say, came.String()})
	}
	last := run(40, "pipe", "sleep", `{"ms":200}`)
	say(last + "\n" + `{"jsonrpc":"2.0","id":41,"method":"ping"}`)
	g.CloseStdin(t)
	rest := []string{hear(last), hear("ping")}
	slices.Sort(rest) // They are answered side by side.
	if line, more := <-w.lines; more {
		t.Errorf("got %q behind the last answer, want the end", line)
	}
	if code := g.Wait(t); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
	return append(all, bytesOf{"the end of the input", last, strings.Join(rest, "")})
}

// compareBytes holds what came from attach against what came from run.
func compareBytes(t *testing.T, fromRun, fromAttach []bytesOf) {
	t.Helper()
	if len(fromRun) != len(fromAttach) {
		t.Fatalf("got %d answers from attach, want %d", len(fromAttach), len(fromRun))
	}
	for i, want := range fromRun {
		got := fromAttach[i]
		if g, w := masked(got.came), masked(want.came); g != w {
			t.Errorf("%s: %.300q: got from attach\n%.800q\nwant what run says\n%.800q", want.name, want.sent, g, w)
		}
	}
}

// ofTheProcess is what a fake server says of itself.
var ofTheProcess = regexp.MustCompile(`"(cwd|pid|ppid)":("[^"]*"|\d+)`)

// masked is a text without what differs from run to run: call ids, processes and
// folders.
func masked(text string) string {
	return ofTheProcess.ReplaceAllString(callID.ReplaceAllString(text, `$1""`), `"$1":""`)
}

// notBothWays skips a test that compares run with attach where there is only attach.
func notBothWays(t *testing.T) {
	t.Helper()
	testkit.OfRunAlone(t, "it compares both")
}
