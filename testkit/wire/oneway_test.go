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
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// talk is one conversation with a gateway.
type talk struct {
	name string
	full bool // every member is varied
	over interface {
		// exchange sends a message and returns what came for it; answers is how
		// many must come.
		exchange(ctx context.Context, body []byte, answers int, header http.Header) (answer, error)
	}
	shape  shape
	header http.Header // the usual one
}

// overStdin reports whether there are lines instead of requests.
func (k talk) overStdin() bool { return strings.HasPrefix(k.name, "stdio") }

func openTalks(t testing.TB) []talk {
	t.Helper()
	web := testkit.StartHTTPFake(t)
	opt := testkit.Options{
		Servers: testkit.Servers{"pipe": testkit.Fake(t), "web": {"url": web.Base + "/mcp"}}.JSON(),
		// A mutation must not end or change a server.
		Rules: testkit.Rules{"a": {Allow: []string{"*"}, Tools: testkit.Tools{
			"*": {"mirror", "oddities", "progress", "fail", "rpcerror", "say"},
		}}}.JSON(),
		Args: []string{"--agent", "a"},
		Env:  []string{testkit.Built(t)},
	}
	start := func(stdio bool) *testkit.Gateway {
		opt.Stdio = stdio
		return startReady(t, opt, "pipe", "web")
	}
	web1, pipe := overHTTP(t, start(false)), &lines{overStdio(t, start(true))}
	newer, older := dial(t, "", "2025-11-25", web1), dial(t, "", "2025-03-26", web1)
	dial(t, "", "2025-11-25", pipe.stdioWire)
	none := http.Header{}
	newest := (&agent{revision: stateless}).header("tools/call", "execute_tool")
	return []talk{
		{"HTTP, 2025-11-25", true, web1, legacyCall, newer.header("tools/call", "")},
		{"HTTP, 2025-03-26", false, web1, legacyCall, older.header("tools/call", "")},
		{"HTTP, no headers", false, web1, legacyCall, none},
		{"HTTP, 2026-07-28", true, web1, statelessCall, newest},
		{"HTTP, 2026-07-28 without headers", false, web1, statelessCall, none},
		{"stdio, 2025-11-25", true, pipe, legacyCall, none},
		{"stdio, 2026-07-28", true, pipe, statelessCall, none},
	}
}

// check sends a message and holds the answer against what the reference expects
// of it.
func (k talk) check(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, testkit.Patience)
	defer cancel()
	if k.overStdin() {
		body = onOneLine(body)
	}
	want := k.expects(body)
	if want.untold {
		return nil
	}
	got, err := k.over.exchange(ctx, body, want.answers, k.header)
	if err != nil {
		return err
	}
	if want.plainly == "" {
		return want.met(got, k.overStdin())
	}
	plain, err := k.over.exchange(ctx, []byte(want.plainly), 1, k.header)
	if err != nil {
		return fmt.Errorf("%w: of %.800s", err, want.plainly)
	}
	if g, w := got.canonical(), plain.canonical(); g != w {
		return fmt.Errorf("got\n%.800s\nwant what the plain call gets:\n%.800s", g, w)
	}
	return nil
}

// met reports how an answer differs from what is wanted.
func (want expectation) met(got answer, stdin bool) error {
	all := slices.Clone(got.notes)
	if got.message != nil && (got.status != http.StatusAccepted || len(got.message) > 0) {
		all = append(all, got.message)
	}
	switch {
	case want.status != 0 && !stdin && got.status != want.status:
		return fmt.Errorf("got HTTP status %d %.300s, want %d", got.status, got.message, want.status)
	case len(all) != want.answers:
		return fmt.Errorf("got %d messages %.300q, want %d", len(all), all, want.answers)
	case want.code == 0:
		return nil
	}
	m := all[0]
	if code := string(pick(pick(m, "error"), "code")); code != fmt.Sprint(want.code) {
		return fmt.Errorf("got %.300s, want error %d", m, want.code)
	}
	if id := string(pick(m, "id")); id != want.id && (want.id != "" || id != "null") {
		return fmt.Errorf("got the id %.100s in %.300s, want %q", id, m, want.id)
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

// mirrored is the text in which the fake server's mirror shows its params.
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

// exchange implements talk.over: HTTP pairs requests and answers by itself.
func (w *httpWire) exchange(ctx context.Context, body []byte, _ int, header http.Header) (answer, error) {
	return w.send(ctx, body, "", header)
}

// lines sends over stdio what need not be a message. It waits for what must
// come: the answer to a ping that follows, and to the message.
type lines struct{ *stdioWire }

func (w *lines) exchange(ctx context.Context, body []byte, answers int, _ http.Header) (answer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	const ping = `{"jsonrpc":"2.0","id":"the end","method":"ping"}`
	if _, err := io.WriteString(w.in, string(body)+"\n"+ping+"\n"); err != nil {
		return answer{}, err
	}
	var got answer
	for pinged := false; !pinged || answers > 0; {
		line, err := w.line(ctx)
		if err != nil {
			return got, err
		}
		switch {
		case string(pick(line, "id")) == `"the end"` && !pinged:
			pinged = true
			continue
		case pick(line, "method") == nil:
			answers--
		}
		got.notes = append(got.notes, line)
	}
	return got, nil
}

// Whatever an agent sends is refused for the reason that the reference finds,
// or answered as the plain call that the reference makes of it.
func TestOneWay_everyMessage_isAnsweredAsTheReferenceExpects(t *testing.T) {
	sent := 0
	for _, k := range openTalks(t) {
		t.Run(k.name, func(t *testing.T) {
			list := slices.Concat(k.shape.texts(), k.shape.calls())
			if k.full {
				list = append(list, k.shape.variations()...)
				list = append(list, message{name: "too large", body: k.shape.plain()[:1] + `"x":"` + strings.Repeat("x", 16<<20) + `",` + k.shape.plain()[1:]})
			}
			sent += len(list)
			for _, m := range list {
				if err := k.check(t.Context(), []byte(m.body)); err != nil {
					blame(t, err, "%s: %.800q", m.name, m.body)
				}
			}
		})
	}
	if least := 4012; sent < least && !t.Failed() {
		t.Errorf("got %d messages in the lists, want %d or more: none may be lost", sent, least)
	}
}

// The headers of a good call decide as they did when testdata/headers.txt was
// written: GATEHOUSE_WIRE_RECORD=1 writes it anew.
func TestOneWay_headers_decideAsRecorded(t *testing.T) {
	const file = "testdata/headers.txt"
	var b strings.Builder
	for _, k := range openTalks(t) {
		if k.overStdin() {
			continue
		}
		for _, m := range k.shape.headers() {
			header := k.header.Clone()
			maps.Copy(header, m.header)
			got, err := k.over.exchange(t.Context(), []byte(m.body), 1, header)
			if err != nil {
				blame(t, err, "%s, %s", k.name, m.name)
			}
			fmt.Fprintf(&b, "%s | %s | %d %s %s\n", k.name, strings.TrimSpace(m.name), got.status, got.header.Get("Content-Type"), pick(pick(got.message, "error"), "code"))
		}
	}
	if os.Getenv("GATEHOUSE_WIRE_RECORD") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, want := strings.Split(b.String(), "\n"), strings.Split(testkit.ReadFile(t, file), "\n")
	if len(got) != len(want) {
		t.Fatalf("got %d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %s, want %s", got[i], want[i])
		}
	}
}

// mutations is how many random ones each conversation gets in a run.
const mutations = 150

func TestOneWay_mutations_areAnsweredAsTheReferenceExpects(t *testing.T) {
	talks, r := openTalks(t), rand.New(rand.NewPCG(seed(t), 0))
	for _, k := range talks {
		list := slices.Concat(k.shape.calls(), k.shape.variations())
		for i := range mutations {
			m := list[r.IntN(len(list))]
			if i%2 == 0 {
				m.name, m.body = "a combination", k.shape.combine(r)
			} else {
				m.body = string(mutate(r, []byte(m.body)))
			}
			if err := k.check(t.Context(), []byte(m.body)); err != nil {
				blame(t, err, "%s, mutation %d of %s: %.800q", k.name, i, m.name, m.body)
			}
		}
	}
}

// FuzzOneWay sends what a fuzzer comes up with. The first byte chooses the
// conversation.
func FuzzOneWay(f *testing.F) {
	for _, s := range []shape{legacyCall, statelessCall} {
		for i, m := range slices.Concat(s.texts(), s.calls()) {
			if len(m.body) < 10_000 {
				f.Add(append([]byte{byte(i)}, m.body...))
			}
		}
	}
	talks := openTalks(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		k := talks[int(data[0])%len(talks)]
		if err := k.check(t.Context(), data[1:]); err != nil {
			blame(t, err, "%s: %.800q", k.name, data[1:])
		}
	})
}
