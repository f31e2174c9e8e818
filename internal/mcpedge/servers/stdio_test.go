package servers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

func TestOpenStdio_introducesItselfAndReadsWhatTheServerSays(t *testing.T) {
	p, pipes := newPeer(t)
	first, second := make(chan request, 1), make(chan request, 1)
	go func() {
		r := p.read()
		first <- r
		p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, r.ID, goodInitialize)
		second <- p.read()
	}()
	s, err := servers.OpenStdio(t.Context(), pipes, servers.Options{Era: endpoint.EraInitialize, Version: "1.2.3", PID: 42})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(nil)
	init := await(t, first)
	want := `{"capabilities":{},"clientInfo":{"name":"gatehouse","version":"1.2.3"},"protocolVersion":"2025-11-25"}`
	if init.Method != "initialize" || string(init.Params) != want {
		t.Errorf("got %s, want initialize with %s", init.line, want)
	}
	if got := await(t, second); got.Method != "notifications/initialized" || got.ID != nil {
		t.Errorf("got %s, want notifications/initialized", got.line)
	}
	info := endpoint.ServerInfo{
		ProtocolVersion: "2025-11-25", Name: "odd", Title: "Odd", Version: "1",
		Description: "An odd server", Instructions: "Be odd.", Tools: true,
		About:        `{"name":"odd","title":"Odd","version":"1","description":"An odd server"}`,
		Capabilities: `{"tools":{"listChanged":true}}`,
	}
	if diff := cmp.Diff(info, s.Info()); diff != "" {
		t.Error(diff)
	}
	if s.PID() != 42 {
		t.Errorf("got pid %d, want 42", s.PID())
	}
}

func TestOpenStdio_judgesTheServersAnswer(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"2024-11-05 is spoken":                   {`"result":{"protocolVersion":"2024-11-05"}`, ""},
		"2025-03-26 is spoken":                   {`"result":{"protocolVersion":"2025-03-26"}`, ""},
		"2025-06-18 is spoken":                   {`"result":{"protocolVersion":"2025-06-18"}`, ""},
		"oddly typed words about itself pass":    {`"result":{"protocolVersion":"2025-06-18","serverInfo":7,"instructions":[],"capabilities":null}`, ""},
		"an unknown revision is refused":         {`"result":{"protocolVersion":"2023-01-01\n"}`, `revision "2023-01-01 "`},
		"an answer without a revision is not it": {`"result":{}`, "names no protocolVersion"},
		"a result of another type is not it":     {`"result":"hello"`, "names no protocolVersion"},
		"a revision in another case is not it":   {`"result":{"ProtocolVersion":"2025-11-25","capabilities":{}}`, `write it as "protocolVersion"`},
		"two revisions are not it":               {`"result":{"protocolVersion":"2025-11-25","protocolVersion":"2025-06-18"}`, `"protocolVersion" occurs twice`},
		"a capability in another case is not it": {`"result":{"protocolVersion":"2025-11-25","capabilities":{"TOOLS":{}}}`, `write it as "tools"`},
		"tools in another case are not it":       {`"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"ListChanged":true}}}`, `write it as "listChanged"`},
		"resources in another case are not it":   {`"result":{"protocolVersion":"2025-11-25","capabilities":{"resources":{"subscribe":true,"Subscribe":false}}}`, `write it as "subscribe"`},
		"prompts in two ways are not it":         {`"result":{"protocolVersion":"2025-11-25","capabilities":{"prompts":{"listChanged":true,"listChanged":false}}}`, `"listChanged" occurs twice`},
		"an error is told":                       {`"error":{"code":-32000,"message":"no\nlicence"}`, "no licence (-32000)"},
		"an error without a text is told":        {`"error":7`, "an error: 7"},
	} {
		t.Run(name, func(t *testing.T) {
			p, pipes := newPeer(t)
			go func() {
				p.write(`{"jsonrpc":"2.0","id":%s,%s}`, p.read().ID, c.answer)
				if r := p.read(); r.Method == "server/discover" {
					p.write(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"what?"}}`, r.ID)
				}
			}()
			s, err := servers.OpenStdio(t.Context(), pipes, servers.Options{Era: endpoint.EraInitialize})
			switch {
			case err == nil:
				s.Close(nil)
				if c.want != "" {
					t.Errorf("got no error, want %q", c.want)
				}
			case c.want == "" || !strings.Contains(err.Error(), c.want):
				t.Errorf("got %q, want %q", err, c.want)
			}
		})
	}
}

func TestOpenStdio_endsWithTheServersOutput(t *testing.T) {
	p, pipes := newPeer(t)
	go func() {
		p.read()
		p.die()
	}()
	_, err := servers.OpenStdio(t.Context(), pipes, servers.Options{Era: endpoint.EraInitialize})
	if !errors.Is(err, servers.ErrOutputClosed) {
		t.Errorf("got %v, want %v", err, servers.ErrOutputClosed)
	}
}

func TestOpenStdio_endsWithItsContext(t *testing.T) {
	p, pipes := newPeer(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	go func() {
		p.read()
		cancel(cause)
	}()
	_, err := servers.OpenStdio(ctx, pipes, servers.Options{Era: endpoint.EraInitialize})
	if !errors.Is(err, cause) || isNotWritten(err) {
		t.Errorf("got %v, want %v of a request that was written", err, cause)
	}
	if got := p.read(); got.line != "" {
		t.Errorf("initialize must not be cancelled; the session wrote %s", got.line)
	}
}

func TestCall_passesParamsAndResultsAsTheyAre(t *testing.T) {
	s, p := open(t, servers.Options{})
	params := `{ "n" : 12345678901234567890, "f":1.0, "s":"<é>\u0000\/", "z":null, "a":[ ] }`
	done := call(t.Context(), s, tool(params))
	got := p.read()
	if string(got.Params) != params || got.Method != "tools/call" {
		t.Errorf("got %s, want tools/call with %s", got.line, params)
	}
	result := `{"b":1,"a":9007199254740993.10,"content":[{"type":"unknown","\u0078":"<\/>"}]}`
	p.write(`{"result": %s ,"jsonrpc":"2.0","id":%s}`, result, got.ID)
	wantResult(t, await(t, done), result)
}

func TestCall_paramsOverSeveralLinesAreOneLine(t *testing.T) {
	s, p := open(t, servers.Options{})
	go p.echo()
	res, err := s.Call(t.Context(), tool("{\n \"a\":\r\n1}"))
	wantResult(t, outcome{res, err}, `{  "a":  1}`)
}

func TestCall_refusesParamsThatAreNoJSON(t *testing.T) {
	s, p := open(t, servers.Options{})
	go p.echo()
	for _, params := range []string{`{`, `{}},"method":"other"`, `{} {}`, "\"\n\""} {
		if _, err := s.Call(t.Context(), tool(params)); !isNotWritten(err) {
			t.Errorf("%q: got %v, want that it was not written", params, err)
		}
	}
	res, err := s.Call(t.Context(), tool(`{"alive":1}`))
	wantResult(t, outcome{res, err}, `{"alive":1}`)
}

func TestCall_givesTheServersErrorAsItIs(t *testing.T) {
	s, p := open(t, servers.Options{})
	done := call(t.Context(), s, tool(`{}`))
	p.write(`{"error":{"code":-32000,"data":{"n":12345678901234567890},"message":"x"},"result":null,"id":%s}`, p.read().ID)
	o := await(t, done)
	if o.err != nil || o.res.Result != nil || string(o.res.Error) != `{"code":-32000,"data":{"n":12345678901234567890},"message":"x"}` {
		t.Errorf("got %s %s %v, want -32000 as the server sent it", o.res.Result, o.res.Error, o.err)
	}
}

func TestCall_findsItsAnswerAmongOddOnes(t *testing.T) {
	junk := make(chan string, 10)
	s, p := open(t, servers.Options{OnJunk: func(line string) { junk <- line }})
	one, two, three, four := call(t.Context(), s, tool(`1`)), call(t.Context(), s, tool(`2`)), call(t.Context(), s, tool(`3`)), call(t.Context(), s, tool(`4`))
	ids := map[string]json.RawMessage{}
	for range 4 {
		r := p.read()
		ids[string(r.Params)] = r.ID
	}
	p.write("")
	p.write("   \r")
	p.write("Listening on port %s", strings.Repeat("0", 1000))
	p.write(`{"level":"info"}`)
	p.write(`{"jsonrpc":"2.0","id":999,"result":{}}`)
	p.write(`{"jsonrpc":"2.0","id":"x","result":{}}`)
	p.write(`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}`)
	p.write(`{"jsonrpc":"2.0","id":%s,"result":"four","error":null}`, ids["4"])
	p.write(`[{"jsonrpc":"2.0","id":%s,"result":"three"},{"jsonrpc":"2.0","id":"%s","result":"two"}]`, ids["3"], ids["2"])
	p.write(`{"jsonrpc":"2.0","id":%s.0,"result":"one"}`, ids["1"])
	wantResult(t, await(t, one), `"one"`)
	wantResult(t, await(t, two), `"two"`)
	wantResult(t, await(t, three), `"three"`)
	wantResult(t, await(t, four), `"four"`)
	wantJunk := []string{"Listening on port " + strings.Repeat("0", 182), `{"level":"info"}`}
	for _, want := range wantJunk {
		if got := await(t, junk); got != want {
			t.Errorf("got junk %q, want %q", got, want)
		}
	}
	if got := await(t, junk); !strings.Contains(got, "parse error") {
		t.Errorf("got junk %q, want the server's parse error", got)
	}
	if len(junk) != 0 {
		t.Errorf("%q must not be called junk", <-junk)
	}
}

// A strict client would drop its connection over such an answer.
func TestCall_bytesThatAreNoUTF8_areReplaced(t *testing.T) {
	for name, c := range map[string]struct{ sent, want string }{
		"in a short line": {`"a` + "\xff\xfe" + `é"`, `"a` + "\uFFFD" + `é"`},
		"in a long line":  {`"` + strings.Repeat("x", 200_000) + "\xc3" + `"`, `"` + strings.Repeat("x", 200_000) + "\uFFFD" + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := open(t, servers.Options{})
			answer := call(t.Context(), s, tool(`1`))
			p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, p.read().ID, c.sent)
			wantResult(t, await(t, answer), c.want)
		})
	}
}

func TestCall_manyAtOnceGetEachItsOwn(t *testing.T) {
	s, p := open(t, servers.Options{})
	go p.echo()
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			want := fmt.Sprintf(`{"n":%d,"pad":%q}`, i, strings.Repeat("x", i*17))
			res, err := s.Call(t.Context(), tool(want))
			if err != nil || string(res.Result) != want {
				t.Errorf("call %d: got %.80s %v, want %.80s", i, res.Result, err, want)
			}
		})
	}
	all.Wait()
}

func TestServerRequests_pingIsAnsweredAndAllElseRefused(t *testing.T) {
	s, p := open(t, servers.Options{})
	refused := `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"method not found"}}` + "\n"
	for _, c := range []struct{ id, method, want string }{
		{`1`, `ping`, `{"jsonrpc":"2.0","id":1,"result":{}}` + "\n"},
		{`"a b"`, `ping`, `{"jsonrpc":"2.0","id":"a b","result":{}}` + "\n"},
		{`12345678901234567890`, `pin\u0067`, `{"jsonrpc":"2.0","id":12345678901234567890,"result":{}}` + "\n"},
		{`2`, `sampling/createMessage`, fmt.Sprintf(refused, "2")},
		{`3`, `roots/list`, fmt.Sprintf(refused, "3")},
		{`"x"`, `tools/call`, fmt.Sprintf(refused, `"x"`)},
	} {
		p.write(`{"jsonrpc":"2.0","id":%s,"method":"%s"}`, c.id, c.method)
		if got := p.read().line; got != c.want {
			t.Errorf("%s: got %s, want %s", c.method, got, c.want)
		}
	}
	p.write(`{"jsonrpc":"2.0","id":{"no":"id"},"method":"ping"}`)
	p.write(`{"jsonrpc":"2.0","id":"%s","method":"ping"}`, strings.Repeat("x", 10000))
	done := call(t.Context(), s, tool(`{}`))
	r := p.read()
	if r.Method != "tools/call" {
		t.Errorf("an id that is none was answered: %.200s", r.line)
	}
	p.write(`{"id":%s,"result":{}}`, r.ID)
	await(t, done)
}

func TestToolsChanged_isHandedOn(t *testing.T) {
	changed := make(chan struct{}, 1)
	_, p := open(t, servers.Options{OnToolsChanged: func() { changed <- struct{}{} }})
	p.write(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}`)
	p.write(`{"jsonrpc":"2.0","method":"notifications\/tools\/list_changed"}`)
	await(t, changed)
}

func TestProgress_goesToTheCallItBelongsTo(t *testing.T) {
	for name, c := range map[string]struct{ params, want string }{
		"params without _meta":          {`{"name":"x","big":12345678901234567890}`, `{"name":"x","big":12345678901234567890,"_meta":{"progressToken":%s}}`},
		"other keys of _meta are kept":  {`{"_meta":{"a":1.0},"name":"x"}`, `{"_meta":{"a":1.0,"progressToken":%s},"name":"x"}`},
		"the caller's token is ours":    {`{"_meta":{"progressToken":"theirs","b":[]}}`, `{"_meta":{"progressToken":%s,"b":[]}}`},
		"a _meta that is none":          {`{"_meta":null}`, `{"_meta":{"progressToken":%s}}`},
		"no params":                     {``, `{"_meta":{"progressToken":%s}}`},
		"params that can't carry any":   {`[1]`, `[1]`},
		"a name that looks like a meta": {`{"x":{"_meta":{}}}`, `{"x":{"_meta":{}},"_meta":{"progressToken":%s}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := open(t, servers.Options{})
			heard := make(chan string, 10)
			req := tool(c.params)
			req.Progress = func(params json.RawMessage) { heard <- string(params) }
			done := call(t.Context(), s, req)
			r := p.read()
			want := strings.Replace(c.want, "%s", string(r.ID), 1)
			if string(r.Params) != want {
				t.Errorf("got params %s, want %s", r.Params, want)
			}
			p.write(`{"method":"notifications/progress","params":{"progressToken":999,"progress":1}}`)
			p.write(`{"method":"notifications/progress","params":{"progress":1}}`)
			p.write(`{"method":"notifications/progress"}`)
			p.write(`{"method":"notifications/progress","params":{"progress":1.0,"progressToken":%s,"message":"a"}}`, r.ID)
			p.write(`{"method":"notifications/progress","params":{"progressToken":%s,"progress":2}}`, r.ID)
			p.write(`{"id":%s,"result":{}}`, r.ID)
			await(t, done)
			close(heard)
			var got []string
			for params := range heard {
				got = append(got, params)
			}
			if diff := cmp.Diff([]string{`{"progress":1.0,"message":"a"}`, `{"progress":2}`}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCall_cancelledAfterItWasWritten_tellsTheServer(t *testing.T) {
	s, p := open(t, servers.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	done := call(ctx, s, tool(`{}`))
	r := p.read()
	cause := errors.New("enough")
	cancel(cause)
	if o := await(t, done); !errors.Is(o.err, cause) || isNotWritten(o.err) {
		t.Errorf("got %v, want %v of a request that was written", o.err, cause)
	}
	c := p.read()
	var params struct{ RequestID json.RawMessage }
	if err := json.Unmarshal(c.Params, &params); err != nil || c.Method != "notifications/cancelled" || c.ID != nil || string(params.RequestID) != string(r.ID) {
		t.Errorf("got %s after request %s, want its cancellation", c.line, r.ID)
	}
	p.write(`{"id":%s,"result":"late"}`, r.ID)
	next := call(t.Context(), s, tool(`{}`))
	p.write(`{"id":%s,"result":"in time"}`, p.read().ID)
	wantResult(t, await(t, next), `"in time"`)
}

func TestCall_withAnEndedContextIsNotWritten(t *testing.T) {
	s, p := open(t, servers.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Call(ctx, tool(`{}`)); !isNotWritten(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v of a request that was not written", err, context.Canceled)
	}
	done := call(t.Context(), s, tool(`"next"`))
	if r := p.read(); string(r.Params) != `"next"` {
		t.Errorf("got %s, want \"next\"", r.line)
	}
	s.Close(nil)
	await(t, done)
}

func TestReceived_growsWithPartsOfALine(t *testing.T) {
	s, p := open(t, servers.Options{})
	before := s.Received()
	_, _ = p.out.Write([]byte(`{"half":`))
	_, _ = p.out.Write([]byte(`"a line`)) // A pipe takes this only when the first was read.
	if s.Received() <= before {
		t.Error("it did not grow")
	}
}
