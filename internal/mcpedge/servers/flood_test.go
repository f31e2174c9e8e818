package servers_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/mcpedge/servers"
)

// floods are kinds of what a server can say unasked: a line, how many of them,
// and within which time all of them are read at the earliest.
var floods = map[string]struct {
	line  string
	n     int
	least time.Duration
}{
	"notifications":          {`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}`, 5000, 190 * time.Millisecond},
	"large notifications":    {`{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"` + strings.Repeat("x", 60<<10) + `"}}`, 110, 190 * time.Millisecond},
	"changes of tools":       {`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`, 250, 190 * time.Millisecond},
	"pings":                  {`{"jsonrpc":"2.0","id":1,"method":"ping"}`, 500, 190 * time.Millisecond},
	"progress of no call":    {`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":99,"progress":1}}`, 5000, 190 * time.Millisecond},
	"answers to no call":     {`{"jsonrpc":"2.0","id":99,"result":{}}`, 5000, 190 * time.Millisecond},
	"empty lines":            {``, 25_000, 190 * time.Millisecond},
	"what is no message":     {`this is no message`, 5000, 190 * time.Millisecond},
	"what looks like one":    {`{"jsonrpc":"2.0","id":`, 5000, 190 * time.Millisecond},
	"a batch of pings":       {`[` + strings.TrimSuffix(strings.Repeat(`{"jsonrpc":"2.0","id":1,"method":"ping"},`, 1000), ",") + `]`, 2, 900 * time.Millisecond},
	"a batch of little":      {`[` + strings.TrimSuffix(strings.Repeat(`{"jsonrpc":"2.0","method":"x"},`, 1000), ",") + `]`, 5, 190 * time.Millisecond},
	"a line that is nobodys": {`"` + strings.Repeat("x", 40<<20) + `"`, 1, 900 * time.Millisecond},
}

// Whatever a server says unasked, it is read at a pace that takes little of the
// processor from all others; and what it is asked it answers still.
func TestFlood_ofAServer_isReadSlowly(t *testing.T) {
	for name, c := range floods {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := open(t, servers.Options{})
				go func() { _, _ = io.Copy(io.Discard, p.in) }()
				begun := time.Now()
				for range c.n {
					p.write("%s", c.line)
				}
				answered := call(t.Context(), s, tool(`1`))
				p.write(`{"jsonrpc":"2.0","id":2,"result":{"n":1}}`) // After initialize it is the second.
				wantResult(t, <-answered, `{"n":1}`)
				if took := time.Since(begun); took < c.least || took > 6*c.least {
					t.Errorf("%d lines were read in %v, want at least %v and not much more", c.n, took, c.least)
				}
			})
		})
	}
}

// Answers to calls that were given up are no flood: whoever gives up many large
// ones must not have the server read slowly for all others.
func TestFlood_answersToCallsThatWereGivenUp_areNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		ctx, giveUp := context.WithCancel(t.Context())
		defer giveUp()
		var given []string
		for range 50 {
			go func() { _, _ = s.Call(ctx, tool(`1`)) }()
			given = append(given, string(p.read().ID))
		}
		go func() { _, _ = io.Copy(io.Discard, p.in) }()
		giveUp()
		synctest.Wait()
		begun := time.Now()
		for _, id := range given {
			p.write(`{"jsonrpc":"2.0","id":%s,"result":{"text":"%s"}}`, id, strings.Repeat("x", 1<<20))
		}
		answered := call(t.Context(), s, tool(`1`))
		synctest.Wait()
		p.write(`{"jsonrpc":"2.0","id":52,"result":{"n":1}}`)
		wantResult(t, <-answered, `{"n":1}`)
		if took := time.Since(begun); took != 0 {
			t.Errorf("behind 50 of them an answer took %v, want no wait", took)
		}
	})
}

// Messages that share a line without an end are read slowly too, and what is left of
// them when the session ends does not hold up its end, but for its last words.
func TestFlood_withoutLineEnds_endsWithTheSession(t *testing.T) {
	const all, lastWords = 40_000, 1000
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		in, out := io.Pipe()
		p := newPeerOn(t, in, there)
		var heard atomic.Int64
		s := openOn(t, p, servers.Pipes{Stdin: out, Stdout: here}, servers.Options{OnNotice: func(string, json.RawMessage) { heard.Add(1) }})
		_, _ = io.WriteString(there, strings.Repeat(`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`, all))
		time.Sleep(1500 * time.Millisecond) // In the bubble: a second of silence, and half of one of reading.
		synctest.Wait()
		before := heard.Load()
		if before == 0 || before > all/2 {
			t.Errorf("got %d of %d messages within half a second, want a part of them", before, all)
		}
		s.Close(nil)
		<-s.Done()
		if after := heard.Load() - before; after > lastWords {
			t.Errorf("got %d messages read after the end, want %d at most", after, lastWords)
		}
	})
}

// What a server goes on to write after the end is taken off its hands until it has
// ended, or it could not end by itself.
func TestFlood_afterTheEnd_isReadUntilTheServerHasEnded(t *testing.T) {
	wrote := make(chan struct{})
	s, p := open(t, servers.Options{OnEnd: func(error) { <-wrote }})
	go func() { _, _ = io.Copy(io.Discard, p.in) }()
	go func() {
		defer close(wrote)
		for range 5000 {
			p.write(`{"jsonrpc":"2.0","method":"notifications/message"}`)
		}
	}()
	s.Close(nil)
	await(t, s.Done())
}

// Over HTTP too, however it is packed: what counts is what has been unpacked.
func TestHTTPFlood_isReadSlowly_packedOrNot(t *testing.T) {
	const all = 40_000
	var plain, packed bytes.Buffer
	plain.WriteString(strings.Repeat("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n", all))
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(plain.Bytes())
	_ = z.Close() // All of it comes before the call ends.
	for encoding, flood := range map[string][]byte{"identity": plain.Bytes(), "gzip": packed.Bytes()} {
		o := newOdd(t, func(w http.ResponseWriter, r *http.Request, _ request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", encoding)
			_, _ = w.Write(flood)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		ctx, giveUp := context.WithCancel(t.Context())
		defer giveUp()
		var heard atomic.Int64
		s := openHTTP(t, servers.HTTPOptions{URL: o.URL, OnToolsChanged: func() {
			if heard.Add(1) == 1 {
				time.AfterFunc(300*time.Millisecond, giveUp)
			}
		}})
		if _, err := s.Call(ctx, tool(`{}`)); err == nil {
			t.Error("got an answer, want none of such a server")
		}
		if n := heard.Load(); n > all/4 {
			t.Errorf("%s: got %d of %d notifications read within 300 ms, want about 350", encoding, n, all)
		}
	}
}
