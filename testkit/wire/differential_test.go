//go:build unix

package wire_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// twins are two gateways on the same files and servers, with and without the
// fast lane, over HTTP and over stdio, and the conversations with them.
type twins struct {
	talks []talk
}

// talk is one conversation with each of two gateways.
type talk struct {
	name    string
	full    bool // every member is varied
	on, off wire
	shape   shape
	// header is the usual one with the gateway that has the lane; sessions
	// differ, so the other one has its own.
	header, offHeader http.Header
}

func openTwins(t testing.TB) *twins {
	t.Helper()
	web := testkit.StartHTTPFake(t)
	opt := testkit.Options{
		Servers: testkit.Servers{"pipe": testkit.Fake(t), "web": {"url": web.Base + "/mcp"}}.JSON(),
		// A mutation must not end or change a server.
		Rules: testkit.Rules{"a": {Allow: []string{"*"}, Tools: testkit.Tools{
			"*": {"mirror", "oddities", "progress", "fail", "rpcerror", "say"},
		}}}.JSON(),
		Args: []string{"--agent", "a"},
	}
	start := func(lane string, stdio bool) *testkit.Gateway {
		opt.Stdio, opt.Env = stdio, []string{testkit.Built(t), "GATEHOUSE_FASTLANE=" + lane}
		g := testkit.StartGateway(t, opt)
		// Else the first answers depend on how far the servers are.
		g.Await(t, "server ready", "server", "pipe")
		g.Await(t, "server ready", "server", "web")
		return g
	}
	onHTTP, offHTTP := overHTTP(t, start("on", false)), overHTTP(t, start("off", false))
	onStdio, offStdio := &lines{overStdio(t, start("on", true))}, &lines{overStdio(t, start("off", true))}
	on, off := dial(t, "on", "2025-11-25", onHTTP), dial(t, "off", "2025-11-25", offHTTP)
	dial(t, "on", "2025-11-25", onStdio.stdioWire)
	dial(t, "off", "2025-11-25", offStdio.stdioWire)
	batches, offBatches := dial(t, "on", "2025-03-26", onHTTP), dial(t, "off", "2025-03-26", offHTTP)
	none := http.Header{}
	newest := (&agent{revision: stateless}).header("tools/call", "execute_tool")
	return &twins{talks: []talk{
		{"HTTP, 2025-11-25", true, onHTTP, offHTTP, legacyCall, on.header("tools/call", ""), off.header("tools/call", "")},
		{"HTTP, 2025-03-26", false, onHTTP, offHTTP, legacyCall, batches.header("tools/call", ""), offBatches.header("tools/call", "")},
		{"HTTP, no headers", false, onHTTP, offHTTP, legacyCall, none, none},
		{"HTTP, 2026-07-28", true, onHTTP, offHTTP, statelessCall, newest, newest},
		{"HTTP, 2026-07-28 without headers", false, onHTTP, offHTTP, statelessCall, none, none},
		{"stdio, 2025-11-25", true, onStdio, offStdio, legacyCall, none, none},
		{"stdio, 2026-07-28", true, onStdio, offStdio, statelessCall, none, none},
	}}
}

// compare sends one message to both and tells how their answers differ.
func (k talk) compare(ctx context.Context, m message) error {
	ctx, cancel := context.WithTimeout(ctx, testkit.Patience)
	defer cancel()
	var got [2]string
	for i, side := range []struct {
		wire   wire
		header http.Header
	}{{k.on, k.header}, {k.off, k.offHeader}} {
		header := side.header.Clone()
		maps.Copy(header, m.header)
		a, err := side.wire.send(ctx, []byte(m.body), "", header)
		if err != nil {
			return fmt.Errorf("gateway %d: %w", i, err)
		}
		got[i] = a.canonical()
	}
	if got[0] != got[1] {
		return fmt.Errorf("with the lane got\n%.800s\nwithout it\n%.800s\nfor %.800q", got[0], got[1], m.body)
	}
	return nil
}

// callID is what differs from call to call and from process to process.
var callID = regexp.MustCompile(`("(?:(?:io\.gatehouse/)?call_id|fake/pid)":\s*)("[^"]*"|\d+)`)

// canonical is an answer in a form that can be compared: its JSON without
// white space, with its call ids gone and a mirror's text shown.
func (a answer) canonical() string {
	var b strings.Builder
	fmt.Fprintln(&b, a.status, a.header.Get("Content-Type"))
	for _, m := range append(slices.Clone(a.notes), a.message) {
		if json.Valid(m) {
			m = []byte(compact(m))
		}
		m = callID.ReplaceAll(m, []byte(`$1""`))
		fmt.Fprintf(&b, "%s\n", mirrored.ReplaceAllFunc(m, showMirror))
	}
	return b.String()
}

// mirrored is the text in which the fake server's mirror tells its params.
var mirrored = regexp.MustCompile(`"text":"[A-Za-z0-9+/]{20,}=*"`)

var ownToken = regexp.MustCompile(`"progressToken":[^,}]*`)

// showMirror decodes a mirror's text. The progress token in it is the
// gateway's own.
func showMirror(text []byte) []byte {
	encoded := bytes.TrimSuffix(bytes.TrimPrefix(text, []byte(`"text":"`)), []byte(`"`))
	params, err := base64.StdEncoding.DecodeString(string(encoded))
	if err != nil || !json.Valid(params) {
		return text
	}
	return ownToken.ReplaceAll([]byte(compact(params)), []byte(`"progressToken":0`))
}

// lines sends over stdio what need not be a message. It waits for what must
// come: the answer to a ping that follows, and to a call.
type lines struct{ *stdioWire }

func (w *lines) send(ctx context.Context, body []byte, _ string, _ http.Header) (answer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	body = onOneLine(body)
	const ping = `{"jsonrpc":"2.0","id":"the end","method":"ping"}`
	if _, err := io.WriteString(w.in, string(body)+"\n"+ping+"\n"); err != nil {
		return answer{}, err
	}
	var got answer
	missing := answersOf(body) // What a goroutine may answer after the ping.
	for pinged := false; !pinged || missing > 0; {
		line, err := w.line(ctx)
		if err != nil {
			return got, err
		}
		switch {
		case string(pick(line, "id")) == `"the end"` && !pinged:
			pinged = true
			continue
		case pick(line, "method") == nil:
			missing--
		}
		got.notes = append(got.notes, line)
	}
	return got, nil
}

// answersOf is how many answers a line must get, beside those that come before
// the answer to a later ping: one to a call, one to a batch.
func answersOf(line []byte) int {
	if first := bytes.TrimLeft(line, " \t\r\n"); len(first) > 0 && first[0] == '[' {
		return 1 // This revision has no batches.
	}
	var m struct { // Read as encoding/json does, letter case aside.
		ID     json.RawMessage
		Method string
	}
	_ = json.Unmarshal(line, &m)
	if m.ID == nil || m.Method != "tools/call" {
		return 0
	}
	return 1
}

// Not one difference is allowed: what the library cannot pass, it is not shown.
func TestFastLane_onAndOff_answerAlike(t *testing.T) {
	w := openTwins(t)
	for _, k := range w.talks {
		t.Run(k.name, func(t *testing.T) {
			list := slices.Concat(k.shape.texts(), k.shape.calls())
			if !strings.HasPrefix(k.name, "stdio") {
				list = append(list, k.shape.headers()...)
			}
			if k.full {
				list = append(list, k.shape.variations()...)
				list = append(list, message{name: "too large", body: k.shape.plain()[:1] + `"x":"` + strings.Repeat("x", 16<<20) + `",` + k.shape.plain()[1:]})
			}
			for _, m := range list {
				if err := k.compare(t.Context(), m); err != nil {
					blame(t, err, "%s", m.name)
				}
			}
		})
	}
}

// mutations is how many random ones each conversation gets in a run.
const mutations = 150

func TestFastLane_onAndOff_answerMutationsAlike(t *testing.T) {
	w, r := openTwins(t), rand.New(rand.NewPCG(seed(t), 0))
	for _, k := range w.talks {
		list := slices.Concat(k.shape.calls(), k.shape.variations())
		for i := range mutations {
			m := list[r.IntN(len(list))]
			if i%2 == 0 {
				m.name, m.body = "a combination", k.shape.combine(r)
			} else {
				m.body = string(mutate(r, []byte(m.body)))
			}
			if err := k.compare(t.Context(), m); err != nil {
				blame(t, err, "%s, mutation %d of %s", k.name, i, m.name)
			}
		}
	}
}

// FuzzFastLane compares the twins' answers to what a fuzzer comes up with. The
// first byte chooses the conversation.
func FuzzFastLane(f *testing.F) {
	for _, s := range []shape{legacyCall, statelessCall} {
		for i, m := range slices.Concat(s.texts(), s.calls()) {
			if len(m.body) < 10_000 {
				f.Add(append([]byte{byte(i)}, m.body...))
			}
		}
	}
	w := openTwins(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		k := w.talks[int(data[0])%len(w.talks)]
		if err := k.compare(t.Context(), message{body: string(data[1:])}); err != nil {
			blame(t, err, "%s", k.name)
		}
	})
}
