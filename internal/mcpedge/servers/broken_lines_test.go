package servers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// soon ends before a test would hang.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// wantBadAnswer checks that a call ended at once, and why.
func wantBadAnswer(t *testing.T, o outcome, want string) {
	t.Helper()
	bad, ok := errors.AsType[*endpoint.BadAnswer](o.err)
	if !ok || !strings.Contains(bad.Error(), want) {
		t.Errorf("got %s %s %v, want a bad answer: %s", o.res.Result, o.res.Error, o.err, want)
	}
}

// openHeard opens a session with a peer that has answered the one notification there
// was: what it says without an id after that is about something else.
func openHeard(t *testing.T) (*servers.Stdio, *peer) {
	t.Helper()
	s, p := open(t, servers.Options{})
	p.write(`{"jsonrpc":"2.0","id":null,"result":null}`)
	return s, p
}

func TestCall_brokenAnswer_endsItsCallAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string // with ID for the call's id
		want  string
	}{
		"a raw tab in a string":          {[]string{"{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"a\":\"x\ty\"}}"}, "answered with something that is no JSON (at byte "},
		"a raw tab, the id last":         {[]string{"{\"result\":{\"a\":\"x\ty\"},\"jsonrpc\":\"2.0\",\"id\":ID}"}, "no JSON (at byte 18)"},
		"a raw newline in a string":      {[]string{`{"jsonrpc":"2.0","id":ID,"result":{"a":"x`, `y"}}`}, "no JSON (at byte "},
		"a raw newline, the id last":     {[]string{`{"jsonrpc":"2.0","result":{"a":"x`, `y"},"id":ID}`}, "no JSON (at byte "},
		"an answer that is cut off":      {[]string{`{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"te`}, "no JSON (at byte "},
		"a log line inside":              {[]string{`{"jsonrpc":"2.0","id":ID,"resINFO: hello`, `ult":{}}`}, "no JSON (at byte "},
		"a log line inside, the id last": {[]string{`{"jsonrpc":"2.0","resINFO: hello`, `ult":{},"id":ID}`}, "no JSON (at byte "},
		"NaN":                            {[]string{`{"jsonrpc":"2.0","id":ID,"result":{"mean":NaN}}`}, "no JSON (at byte "},
		"single quotes":                  {[]string{`{"jsonrpc": "2.0", "id": ID, "result": {'a': 1}}`}, "no JSON (at byte "},
		"the id as a string":             {[]string{`{"jsonrpc":"2.0","id":"ID","result":{"a":}}`}, "no JSON (at byte "},
		"two messages on one line":       {[]string{`{"jsonrpc":"2.0","id":ID,"result":{}}{"jsonrpc":"2.0","method":"notifications/message"}`}, "no JSON (at byte "},
		"over several lines":             {[]string{`{`, `  "jsonrpc": "2.0",`, `  "id": ID,`, `  "result": {}`, `}`}, ""},
		"a byte too many":                {[]string{`{"jsonrpc":"2.0","id":ID,"result":{}}}`}, "no JSON (at byte "},
		"text before it":                 {[]string{"\x1b[2K{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{}}"}, "writes text before its messages"},
		"a log line before it":           {[]string{`[INFO] done {"jsonrpc":"2.0","id":ID,"result":{}}`}, "writes text before its messages"},
		"neither a result nor an error":  {[]string{`{"jsonrpc":"2.0","id":ID}`}, "neither a result nor an error"},
		"a result under another name":    {[]string{`{"jsonrpc":"2.0","id":ID,"response":{}}`}, "neither a result nor an error"},
		"as Python shows it":             {[]string{`{'jsonrpc': '2.0', 'id': ID, 'result': {'content': [], 'isError': False}}`}, "no JSON (at byte 2)"},
		"a NUL behind it":                {[]string{"{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{}}\x00"}, "no JSON (at byte "},
		"in UTF-16":                      {[]string{strings.Join(strings.Split(`{"jsonrpc":"2.0","id":ID,"result":{}}`, ""), "\x00")}, "UTF-16"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := open(t, servers.Options{})
				other := call(soon(t), s, tool(`"other"`))
				otherID := p.read().ID
				broken := call(soon(t), s, tool(`"broken"`))
				id := string(p.read().ID)
				begun := time.Now()
				for _, line := range c.lines {
					if strings.Contains(line, "I\x00D") {
						line = strings.ReplaceAll(line, "I\x00D", id)
					}
					p.write("%s", strings.ReplaceAll(line, "ID", id))
				}
				wantBadAnswer(t, <-broken, c.want)
				if took := time.Since(begun); took != 0 {
					t.Errorf("it took %v, want no time", took)
				}
				p.write(`{"jsonrpc":"2.0","id":%s,"result":"other"}`, otherID)
				wantResult(t, <-other, `"other"`)
				next := call(soon(t), s, tool(`"next"`))
				p.write(`{"jsonrpc":"2.0","id":%s,"result":"next"}`, p.read().ID)
				wantResult(t, <-next, `"next"`)
			})
		})
	}
}

// Without an id it can only be the answer to the one call that is running, once
// the server has nothing more to say.
func TestCall_brokenAnswerWithoutAnID_endsTheOnlyCallAfterASilence(t *testing.T) {
	for _, lines := range [][]string{
		{`{"jsonrpc":"2.0","result":{"content":[{"type":"te`},
		{`{"result":{"a":NaN}}`},
		{`{`, `  "jsonrpc": "2.0"`},
		{`{"jsonrpc":"2.0","result":{}}`},
		{`{"jsonrpc":"2.0","id":null,"result":{}}`},
		{`{"jsonrpc":"2.0","id":0,"result":{}}`},
		{`{"jsonrpc":"2.0","id":98765,"result":{}}`},
		{`{"jsonrpc":"2.0","id":"f3a0","result":{}}`},
		{`{'jsonrpc': '2.0', 'result': {}}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, p := openHeard(t)
			broken := call(soon(t), s, tool(`"broken"`))
			p.read()
			begun := time.Now()
			for _, line := range lines {
				p.write("%s", line)
			}
			wantBadAnswer(t, <-broken, "answered with ")
			if took := time.Since(begun); took != time.Second {
				t.Errorf("%s: it took %v, want a second", lines, took)
			}
		})
	}
}

func TestCall_linesThatAreNotItsAnswer_leaveItAlone(t *testing.T) {
	for name, line := range map[string]string{
		"a log line":                   `starting to work`,
		"a log line that ends in JSON": `got {"id":ID}`,
		"a log line in brackets":       `[INFO] id: ID`,
		"an inner id":                  `{"jsonrpc":"2.0","method":"x","params":{"id":ID,"a":NaN}}`,
		"an id in a result of another": `{"jsonrpc":"2.0","id":777,"result":{"id":ID,"a":NaN}}`,
		"a broken request of its own":  `{"jsonrpc":"2.0","id":ID,"method":"sampling/createMessage","params":{NaN}}`,
		"JSON that is not a message":   `{"level":"info","text":"id ID"}`,
		"an error to somebody else":    `{"jsonrpc":"2.0","id":777,"error":{"code":1,"message":"x"}}`,
		"a result to somebody else":    `{"jsonrpc":"2.0","id":777,"result":{}}`,
		"a late answer":                `{"jsonrpc":"2.0","id":1,"result":{}}`,
		"what Python shows":            `{'level': 'info', 'id': ID}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := open(t, servers.Options{})
				other := call(soon(t), s, tool(`"other"`))
				otherID := p.read().ID
				pending := call(soon(t), s, tool(`1`))
				id := p.read().ID
				p.write("%s", strings.ReplaceAll(line, "ID", string(id)))
				time.Sleep(5 * time.Second)
				p.write(`{"jsonrpc":"2.0","id":%s,"result":{}}`, id)
				wantResult(t, <-pending, `{}`)
				p.write(`{"jsonrpc":"2.0","id":%s,"result":{}}`, otherID)
				wantResult(t, <-other, `{}`)
			})
		})
	}
}

// A server may print what it likes while it works, and does so.
func TestCall_logLinesAndThenSilence_areNotAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		pending := call(soon(t), s, tool(`1`))
		id := p.read().ID
		p.write("working ...")
		p.write("[INFO] still working")
		time.Sleep(time.Minute)
		p.write(`{"jsonrpc":"2.0","id":%s,"result":{}}`, id)
		wantResult(t, <-pending, `{}`)
	})
}

func TestCall_errorWithoutAnID_isTheAnswerToTheOnlyCall(t *testing.T) {
	for _, id := range []string{`"id":null,`, ``, `"id":"server-error",`, `"id":"",`, `"id":0,`, `"id":-1,`, `"id":98765,`} {
		synctest.Test(t, func(t *testing.T) {
			s, p := openHeard(t)
			only := call(soon(t), s, tool(`1`))
			p.read()
			p.write(`{"jsonrpc":"2.0",%s"error":{"code":-32700,"message":"Parse error"}}`, id)
			if o := <-only; o.err != nil || string(o.res.Error) != `{"code":-32700,"message":"Parse error"}` {
				t.Errorf("%s: got %s %v, want the error", id, o.res.Error, o.err)
			}
			// With two calls running it is not known whose it is.
			one, two := call(soon(t), s, tool(`1`)), call(soon(t), s, tool(`2`))
			first, second := p.read().ID, p.read().ID
			p.write(`{"jsonrpc":"2.0",%s"error":{"code":-32700,"message":"Parse error"}}`, id)
			p.write(`{"jsonrpc":"2.0","id":%s,"result":1}`, first)
			p.write(`{"jsonrpc":"2.0","id":%s,"result":1}`, second)
			wantResult(t, <-one, `1`)
			wantResult(t, <-two, `1`)
		})
	}
}

// Neither a late answer nor one that comes while others follow is taken for it.
func TestCall_answersOfOthers_leaveTheOnlyCallAlone(t *testing.T) {
	for name, lines := range map[string][]string{
		"a late answer":              {`{"jsonrpc":"2.0","id":1,"result":{}}`},
		"a log line of Python":       {`{'level': 'info', 'id': ID}`},
		"a stranger, and then it":    {`{"jsonrpc":"2.0","id":98765,"result":{}}`, `{"jsonrpc":"2.0","method":"notifications/message"}`},
		"a request of the same name": {`{"jsonrpc":"2.0","id":ID,"method":"ping"}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := openHeard(t)
				only := call(soon(t), s, tool(`1`))
				id := string(p.read().ID)
				for _, line := range lines {
					p.write("%s", strings.ReplaceAll(line, "ID", id))
				}
				if strings.Contains(lines[0], "ping") {
					p.read()
				}
				time.Sleep(time.Minute)
				p.write(`{"jsonrpc":"2.0","id":%s,"result":{"its":"own"}}`, id)
				wantResult(t, <-only, `{"its":"own"}`)
			})
		})
	}
}

// namelessAnswers do not say whose they are.
var namelessAnswers = []string{
	`{"jsonrpc":"2.0","id":null,"result":null}`, `{"jsonrpc":"2.0","id":null,"result":{}}`, `{"jsonrpc":"2.0","result":{}}`,
	`{"jsonrpc":"2.0","id":"none","result":{}}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"Method not found"}}`,
	`{"jsonrpc":"2.0","id":98765,"error":{"code":-32601,"message":"Method not found"}}`,
}

// Some servers answer notifications, which have no id.
func TestCall_answersToNotifications_leaveTheOnlyCallAlone(t *testing.T) {
	for _, line := range namelessAnswers {
		synctest.Test(t, func(t *testing.T) {
			s, p := open(t, servers.Options{})
			first := call(soon(t), s, tool(`1`))
			id := p.read().ID
			p.write("%s", line) // To notifications/initialized.
			time.Sleep(time.Minute)
			p.write(`{"jsonrpc":"2.0","id":%s,"result":1}`, id)
			wantResult(t, <-first, `1`)
			ctx, cancel := context.WithCancel(soon(t))
			for range 2 {
				call(ctx, s, tool(`2`))
				p.read()
			}
			cancel()
			p.read()
			p.read()
			next := call(soon(t), s, tool(`3`))
			id = p.read().ID
			for range 2 {
				p.write("%s", line) // To notifications/cancelled.
			}
			time.Sleep(time.Minute)
			p.write(`{"jsonrpc":"2.0","id":%s,"result":3}`, id)
			wantResult(t, <-next, `3`)
		})
	}
}

func TestCall_begunAfterAnAnswerToNobody_isNotEndedByIt(t *testing.T) {
	for _, line := range append(namelessAnswers, `{"jsonrpc":"2.0","result":{"a":NaN}}`) {
		synctest.Test(t, func(t *testing.T) {
			s, p := openHeard(t)
			p.write("%s", line)
			time.Sleep(500 * time.Millisecond)
			later := call(soon(t), s, tool(`1`))
			id := p.read().ID
			time.Sleep(time.Minute)
			p.write(`{"jsonrpc":"2.0","id":%s,"result":1}`, id)
			wantResult(t, <-later, `1`)
		})
	}
}

// A proxy may have requests of its own answered through the same pipe.
func TestCall_resultsWithIDsOfOthers_ofAServerThatKnowsOurs_leaveItAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openHeard(t)
		for i := range 2 {
			only := call(soon(t), s, tool(`1`))
			id := p.read().ID
			if i > 0 { // It has answered one by its id.
				p.write(`{"jsonrpc":"2.0","id":"ping-1","result":{}}`)
				time.Sleep(time.Minute)
			}
			p.write(`{"jsonrpc":"2.0","id":%s,"result":1}`, id)
			wantResult(t, <-only, `1`)
		}
	})
}

// A batch in which a call is answered ends all doubt, whatever else is in it.
func TestCall_batchWithAnAnswerToNobody_saysNothingOfTheNextCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openHeard(t)
		first := call(soon(t), s, tool(`1`))
		p.write(`[{"jsonrpc":"2.0","result":{}},{"jsonrpc":"2.0","id":%s,"result":1}]`, p.read().ID)
		wantResult(t, <-first, `1`)
		next := call(soon(t), s, tool(`2`))
		id := p.read().ID
		p.write(`"id": %s`, id) // A log line, unless it were part of a broken message.
		p.write(`{"jsonrpc":"2.0","id":%s,"result":2}`, id)
		wantResult(t, <-next, `2`)
	})
}

func TestCall_answerWrittenIntoItsRequest_isTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		only := call(soon(t), s, tool(`1`))
		p.write(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{},"result":{"a":1}}`, p.read().ID)
		wantResult(t, <-only, `{"a":1}`)
	})
}

// A server's own requests may have the ids of ours, and some write all members there are.
func TestCall_requestOfTheServerWithTheSameID_isNotItsAnswer(t *testing.T) {
	for _, rest := range []string{
		`"method":"roots/list","result":null,"error":null`, `"method":"ping","result":null`, `"method":"ping","error":null`,
		`"method":"ping","params":{},"result":{}`, `"method":"tools/call","result":null,"error":null`,
	} {
		synctest.Test(t, func(t *testing.T) {
			s, p := open(t, servers.Options{})
			only := call(soon(t), s, tool(`1`))
			id := string(p.read().ID)
			p.write(`{"jsonrpc":"2.0","id":%s,%s}`, id, rest)
			if m := p.read(); string(m.ID) != id || m.Method != "" {
				t.Errorf("%s: the server got %s, want an answer to its request", rest, m.line)
			}
			p.write(`{"jsonrpc":"2.0","id":%s,"result":{"its":"own"}}`, id)
			wantResult(t, <-only, `{"its":"own"}`)
		})
	}
}

// What ends a line is a newline. Servers that end their messages in another way,
// or not at all, are understood once they have nothing more to say.
func TestCall_lineWithoutAnEnd_isReadAfterASilence(t *testing.T) {
	for name, end := range map[string]string{"nothing": "", "CR": "\r", "blanks": "  "} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				defer there.Close()
				in, out := io.Pipe()
				p := newPeerOn(t, in, there)
				s := openOn(t, p, servers.Pipes{Stdin: out, Stdout: here}, servers.Options{})
				for range 2 {
					running := call(soon(t), s, tool(`1`))
					id := p.read().ID
					begun := time.Now()
					for _, part := range []string{`{"jsonrpc":"2.0","id":%s,"result":{"a":{}`, `}}`} {
						if strings.Contains(part, "%s") {
							part = fmt.Sprintf(part, id)
						} else {
							part += end
						}
						_, _ = io.WriteString(there, part)
						time.Sleep(900 * time.Millisecond)
					}
					wantResult(t, <-running, `{"a":{}}`)
					if took := time.Since(begun); took != 1900*time.Millisecond {
						t.Errorf("it took %v, want a second of silence", took)
					}
				}
				// Half a message says nothing, however long it takes.
				running := call(soon(t), s, tool(`1`))
				id := p.read().ID
				_, _ = fmt.Fprintf(there, `{"jsonrpc":"2.0","id":%s,"result":{"a":{}`, id)
				time.Sleep(time.Minute)
				_, _ = io.WriteString(there, "}}\n")
				wantResult(t, <-running, `{"a":{}}`)
			})
		})
	}
}

func TestCall_messagesWithoutLineEndsThatComeTogether_areAllRead(t *testing.T) {
	for _, end := range []string{"", "\r", " \r "} {
		synctest.Test(t, func(t *testing.T) {
			here, there := net.Pipe()
			defer there.Close()
			in, out := io.Pipe()
			p := newPeerOn(t, in, there)
			told := make(chan string, 10)
			s := openOn(t, p, servers.Pipes{Stdin: out, Stdout: here}, servers.Options{OnNotice: func(method string, _ json.RawMessage) { told <- method }})
			for range 2 {
				one, two := call(soon(t), s, tool(`1`)), call(soon(t), s, tool(`2`))
				first, second := p.read(), p.read()
				if string(first.Params) != `1` {
					first, second = second, first
				}
				const notice = `{"jsonrpc":"2.0","method":"notifications/message","params":{}}`
				_, _ = io.WriteString(there, notice+end)
				time.Sleep(900 * time.Millisecond)
				_, _ = fmt.Fprintf(there, `[{"jsonrpc":"2.0","id":%s,"result":1}]`+end+`{"jsonrpc":"2.0","id":%s,"result":2}`+end, first.ID, second.ID)
				wantResult(t, <-one, `1`)
				wantResult(t, <-two, `2`)
				if got := <-told; got != endpoint.NoticeLogged {
					t.Errorf("got %s, want %s", got, endpoint.NoticeLogged)
				}
			}
			// A message that has only begun is read once it is whole.
			one, two := call(soon(t), s, tool(`1`)), call(soon(t), s, tool(`2`))
			first, second := p.read(), p.read()
			if string(first.Params) != `1` {
				first, second = second, first
			}
			_, _ = fmt.Fprintf(there, `{"jsonrpc":"2.0","id":%s,"result":1}`+end+`{"jsonrpc":"2.0","id":%s,"result":{"a":{}`, first.ID, second.ID)
			wantResult(t, <-one, `1`)
			_, _ = io.WriteString(there, "}}"+end)
			wantResult(t, <-two, `{"a":{}}`)
		})
	}
}

func TestOpenStdio_saysWhatIsOddAboutTheMessages(t *testing.T) {
	const answer = `{"jsonrpc":"2.0","id":%s,"result":` + goodInitialize + `}`
	for name, c := range map[string]struct{ format, want string }{
		"control codes before": {"\x1b[2K" + answer + "\n", "writes text before its messages"},
		"a banner before":      {"Server v1.0 " + answer + "\n", "writes text before its messages"},
		"LSP framing":          {"Content-Length: 100\r\n\r\n" + answer, "speaks LSP framing"},
		"framing after bytes":  {strings.Repeat("\xf8", 40) + "}Content-Length: 7\r\n\r\n" + answer, "speaks LSP framing"},
		"LSP framing, lower":   {"content-length:7\r\n\r\n" + answer, "speaks LSP framing"},
		"broken":               {strings.Replace(answer, `"odd"`, "\"o\td\"", 1) + "\n", "no JSON (at byte "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, pipes := newPeer(t)
				go func() {
					_, _ = fmt.Fprintf(p.out, c.format, p.read().ID)
					p.read()
				}()
				begun := time.Now()
				_, err := servers.OpenStdio(t.Context(), pipes, servers.Options{Era: endpoint.EraInitialize})
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
				if took := time.Since(begun); took != 0 {
					t.Errorf("it took %v, want no time", took)
				}
				p.die()
			})
		})
	}
}

func TestOpenStdio_byteOrderMark_isPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, pipes := newPeer(t)
		go func() {
			p.write("\uFEFF"+`{"jsonrpc":"2.0","id":%s,"result":%s}`, p.read().ID, goodInitialize)
			p.read()
		}()
		s, err := servers.OpenStdio(t.Context(), pipes, servers.Options{Era: endpoint.EraInitialize})
		if err != nil {
			t.Fatal(err)
		}
		s.Close(nil)
		<-s.Done()
	})
}
