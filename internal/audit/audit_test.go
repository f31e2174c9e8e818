package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"gatehouse/internal/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errFull = errors.New("no space left on device")

// disk is a writer that the test can fill, block and look into.
type disk struct {
	mu     sync.Mutex
	data   []byte
	writes int
	room   func(n int) int // how many of n bytes are taken; nil takes all
	gate   chan struct{}   // if set, each Write first receives from it
	closed int
}

func (d *disk) Write(b []byte) (int, error) {
	if d.gate != nil {
		<-d.gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	n := len(b)
	if d.room != nil {
		n = min(n, d.room(n))
	}
	d.data = append(d.data, b[:n]...)
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

func (d *disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed++
	return nil
}

func (d *disk) content() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return string(d.data)
}

// lines parses every line; one that is not JSON, or has no end, fails the test.
func lines(t *testing.T, content string) (list []audit.Record) {
	t.Helper()
	if content != "" && !strings.HasSuffix(content, "\n") {
		t.Fatalf("the last line has no end: %.200q", content[max(0, len(content)-200):])
	}
	for line := range strings.Lines(content) {
		var r audit.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("a line is not JSON: %v: %.300q", err, line)
		}
		list = append(list, r)
	}
	return list
}

func closeLog(t *testing.T, l *audit.Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// increasing fails the test unless the numbers rise from line to line.
func increasing(t *testing.T, list []audit.Record) {
	t.Helper()
	var last uint64
	for _, r := range list {
		if r.Seq <= last {
			t.Fatalf("number %d comes after %d", r.Seq, last)
		}
		last = r.Seq
	}
}

func TestAppend_line_hasTheKeysInTheirOrder(t *testing.T) {
	d := &disk{}
	l := audit.New(d, "inst", nil)
	l.Append(audit.Record{
		Timestamp: time.Date(2026, 5, 6, 9, 8, 9, 123456789, time.FixedZone("", 7200)),
		V:         77, Seq: 77, Instance: "forged", // filled in by the log
		CallID: "c-1", AgentID: "backend", RequestedAgent: "back<end>", Credential: "cred", Client: "cli/1",
		Operation: "execute_tool", Server: "db", Tool: "query", Decision: audit.Allow, Step: "tool_allowed_exact",
		Rule: `agents.backend.allow.tools["db"][0]`, Generation: 3, PolicyHash: "abc", Outcome: "ok", LatencyMS: 1.5,
	})
	l.Append(audit.Record{Timestamp: time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC), Operation: "list_servers", Decision: audit.Deny})
	closeLog(t, l)
	want := `{"v":1,"timestamp":"2026-05-06T07:08:09.123456789Z","call_id":"c-1","instance":"inst","seq":1,"agent_id":"backend",` +
		`"requested_agent":"back<end>","credential":"cred","client":"cli/1","operation":"execute_tool","server":"db","tool":"query",` +
		`"decision":"ALLOW","step":"tool_allowed_exact","rule":"agents.backend.allow.tools[\"db\"][0]","generation":3,` +
		`"policy_hash":"abc","outcome":"ok","latency_ms":1.5}` + "\n" +
		`{"v":1,"timestamp":"2026-05-06T00:00:00Z","call_id":"","instance":"inst","seq":2,"operation":"list_servers",` +
		`"decision":"DENY","generation":0,"outcome":"","latency_ms":0}` + "\n"
	if diff := cmp.Diff(want, d.content()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if d.closed != 1 {
		t.Errorf("the writer was closed %d times, want once", d.closed)
	}
}

func TestAppend_withoutTimestamp_getsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		l := audit.New(d, "inst", nil)
		now := time.Now()
		l.Append(audit.Record{})
		time.Sleep(time.Hour) // fake time: what counts is when it was appended
		closeLog(t, l)
		if got := lines(t, d.content())[0].Timestamp; !got.Equal(now) || got.Location() != time.UTC {
			t.Errorf("got %s, want %s in UTC", got, now)
		}
	})
}

func TestAppend_textsOfAgents_staySmallAndHarmless(t *testing.T) {
	long := strings.Repeat("ö", 4000)
	nasty := "a\nb\x00\x1b[31m\x7f\u009b\u0085\u2028\xff\xc2\"}\\"
	d := &disk{}
	l := audit.New(d, long, nil)
	l.Append(audit.Record{
		CallID: long, AgentID: long, RequestedAgent: long, Credential: long, Client: long, Operation: long,
		Server: long, Tool: long, Step: long, Rule: long, Outcome: long,
	})
	l.Append(audit.Record{RequestedAgent: nasty, Tool: "\xc2"})
	l.Append(audit.Record{RequestedAgent: strings.Repeat("\x80", 5000)})
	closeLog(t, l)
	got := d.content()
	for i, c := range []byte(got) {
		if c < 0x20 && c != '\n' || c == 0x7f || c == 0xc2 && got[i+1] < 0xa0 {
			t.Fatalf("a control character %#x is in the file", c)
		}
	}
	if !utf8.ValidString(got) {
		t.Error("the file is not UTF-8")
	}
	list := lines(t, got)
	if len(list) != 3 {
		t.Fatalf("got %d lines, want 3", len(list))
	}
	first := list[0]
	for _, s := range []string{
		first.CallID, first.Instance, first.AgentID, first.RequestedAgent, first.Credential, first.Client,
		first.Operation, first.Server, first.Tool, first.Step, first.Rule, first.Outcome,
	} {
		if len(s) > 1024 || !strings.HasSuffix(s, "ö…") {
			t.Errorf("got a text of %d bytes that ends in %.8q, want at most 1 KiB cut between two letters", len(s), s[len(s)-8:])
		}
	}
	if want := "a\nb\x00\x1b[31m\x7f\u009b\u0085\u2028\uFFFD\uFFFD\"}\\"; list[1].RequestedAgent != want {
		t.Errorf("got %q, want %q", list[1].RequestedAgent, want)
	}
}

func TestAppend_fromManyGoroutines_losesNothingAndKeepsOrder(t *testing.T) {
	const appenders, each = 8, 800
	d := &disk{}
	l := audit.New(d, "inst", nil)
	var wg sync.WaitGroup
	for a := range appenders {
		wg.Go(func() {
			for i := range each {
				l.Append(audit.Record{AgentID: string(rune('a' + a)), Generation: uint64(i)})
			}
		})
	}
	wg.Wait()
	closeLog(t, l)
	list := lines(t, d.content())
	if len(list) != appenders*each || l.Lost() != 0 {
		t.Fatalf("got %d lines and %d lost, want %d and 0", len(list), l.Lost(), appenders*each)
	}
	next := map[string]uint64{}
	for i, r := range list {
		if r.Seq != uint64(i)+1 {
			t.Fatalf("line %d has number %d", i+1, r.Seq)
		}
		if r.Generation != next[r.AgentID] {
			t.Fatalf("appender %s: record %d comes where %d should", r.AgentID, r.Generation, next[r.AgentID])
		}
		next[r.AgentID]++
	}
}

func TestAppend_diskHangs_returnsAndCountsWhatDoesNotFit(t *testing.T) {
	const total = 12_000
	for name, text := range map[string]string{"many small records": "", "big records": strings.Repeat("x", 2000)} {
		t.Run(name, func(t *testing.T) {
			d := &disk{gate: make(chan struct{})}
			l := audit.New(d, "inst", nil)
			for range total { // comes back though no write ever does
				l.Append(audit.Record{RequestedAgent: text, Client: text, Tool: text})
			}
			lost := l.Lost()
			if lost == 0 {
				t.Fatal("the queue has no bound")
			}
			close(d.gate)
			closeLog(t, l)
			list := lines(t, d.content())
			increasing(t, list)
			if got := uint64(len(list)) + l.Lost(); got != total || l.Lost() != lost {
				t.Errorf("got %d written and %d lost, want %d together and %d lost", len(list), l.Lost(), total, lost)
			}
			if d.writes > len(list)/50 {
				t.Errorf("got %d writes for %d lines, want batches", d.writes, len(list))
			}
		})
	}
}

func TestAppend_diskFullNowAndThen_everyLineIsWholeAndEveryLossCounted(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		d := &disk{room: func(n int) int { return r.IntN(n + n/2 + 1) }}
		l := audit.New(d, "inst", nil)
		total := r.IntN(40) + 1
		for i := range total {
			l.Append(audit.Record{Tool: strings.Repeat("t", i)})
			if i%7 == 0 {
				runtime.Gosched() // so that batches differ; nothing depends on it
			}
		}
		d.mu.Lock()
		d.room = nil // space again
		d.mu.Unlock()
		closeLog(t, l)
		list := lines(t, d.content())
		increasing(t, list)
		if got := len(list) + int(l.Lost()); got != total {
			t.Fatalf("got %d lines and %d lost, want %d together", len(list), l.Lost(), total)
		}
	}
}

func TestAppend_lineWrittenInPart_isFinishedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := 10
		d := &disk{}
		d.room = func(n int) int { took := min(n, room); room -= took; return took }
		l := audit.New(d, "inst", nil)
		l.Append(audit.Record{Tool: "first"})
		synctest.Wait()
		room = 5
		l.Append(audit.Record{Tool: "second"}) // not even the first gets finished
		synctest.Wait()
		room = 1 << 20
		l.Append(audit.Record{Tool: "third"})
		closeLog(t, l)
		var tools []string
		for _, r := range lines(t, d.content()) {
			tools = append(tools, r.Tool)
		}
		if diff := cmp.Diff([]string{"first", "third"}, tools); diff != "" || l.Lost() != 1 {
			t.Errorf("%d lost, want 1; (-want +got)\n%s", l.Lost(), diff)
		}
	})
}

func TestClose_lineStillUnfinished_isCountedAsLost(t *testing.T) {
	d := &disk{}
	d.room = func(int) int { return max(0, 10-len(d.data)) }
	l := audit.New(d, "inst", nil)
	l.Append(audit.Record{})
	closeLog(t, l)
	if l.Lost() != 1 || len(d.content()) != 10 {
		t.Errorf("got %d lost and %q written, want 1 and 10 bytes", l.Lost(), d.content())
	}
}

func TestLoss_isLoggedAtMostOnceASecondAndNeverForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var out bytes.Buffer
		log := slog.New(slog.NewJSONHandler(writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return out.Write(b)
		}), nil))
		d := &disk{room: func(int) int { return 0 }}
		l := audit.New(d, "inst", log)
		for range 100 { // 10 s, ten records in each
			for range 10 {
				l.Append(audit.Record{})
			}
			synctest.Wait()
			time.Sleep(100 * time.Millisecond)
		}
		closeLog(t, l)
		mu.Lock()
		defer mu.Unlock()
		type entry struct {
			Time    time.Time
			Level   string
			Msg     string
			Records uint64
			Total   uint64
			Err     string
		}
		var sum uint64
		var last time.Time
		count := 0
		for line := range strings.Lines(out.String()) {
			var e entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			sum += e.Records
			count++
			if e.Msg != "audit records lost" || e.Level != "ERROR" || e.Total != sum || e.Err != errFull.Error() {
				t.Errorf("got %+v, want a total of %d", e, sum)
			}
			if gap := e.Time.Sub(last); gap < time.Second && sum != 1000 {
				t.Errorf("logged again after %s", gap)
			}
			last = e.Time
		}
		if sum != 1000 || l.Lost() != 1000 || count < 10 || count > 12 {
			t.Errorf("logged %d losses in %d lines, counted %d; want 1000 in about one line a second", sum, count, l.Lost())
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestAppend_recordThatIsNoJSON_isCountedAndOthersLive(t *testing.T) {
	d := &disk{}
	l := audit.New(d, "inst", nil)
	l.Append(audit.Record{Tool: "a"})
	l.Append(audit.Record{LatencyMS: math.NaN()})
	l.Append(audit.Record{Tool: "b"})
	closeLog(t, l)
	if list := lines(t, d.content()); len(list) != 2 || list[1].Seq != 3 || l.Lost() != 1 {
		t.Errorf("got %+v and %d lost, want numbers 1 and 3 and 1 lost", list, l.Lost())
	}
}

func TestClose_again_andAppendAfterwards(t *testing.T) {
	d := &disk{}
	l := audit.New(d, "inst", nil)
	closeLog(t, l)
	closeLog(t, l)
	l.Append(audit.Record{})
	if l.Lost() != 1 || d.content() != "" || d.closed != 1 {
		t.Errorf("got %d lost, %q written, closed %d times; want 1, nothing, once", l.Lost(), d.content(), d.closed)
	}
}

func TestClose_diskHangs_endsWithItsContextAndSaysSo(t *testing.T) {
	d := &disk{gate: make(chan struct{})}
	l := audit.New(d, "inst", nil)
	for range 10 {
		l.Append(audit.Record{})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the time is over")
	cancel(cause)
	if err := l.Close(ctx); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause of the context", err)
	}
	close(d.gate)
	closeLog(t, l)
	if n := len(lines(t, d.content())); n != 10 {
		t.Errorf("got %d lines after the disk came back, want 10", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	l := audit.New(&disk{}, "inst", nil)
	r := audit.Record{CallID: "c-1", AgentID: "backend", Operation: "execute_tool", Server: "db", Tool: "query", Decision: audit.Allow}
	b.ReportAllocs()
	for b.Loop() {
		l.Append(r)
	}
	b.StopTimer()
	_ = l.Close(context.Background())
}
