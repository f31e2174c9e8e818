package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/audit"
)

var withoutChain = regexp.MustCompile(`,"prev":"[0-9a-f]{64}"`)

func TestAppend_line_hasTheKeysInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.open(t, audit.Options{Version: "v1.2.3"})
		l.Append(audit.Record{
			Timestamp: time.Date(2026, 5, 6, 9, 8, 9, 123456789, time.FixedZone("", 7200)),
			V:         77, Seq: 77, Instance: "forged", // filled in by the log
			CallID: "c-1", AgentID: "backend", RequestedAgent: "back<end>", Credential: "cred", Client: "cli/1",
			Operation: "execute_tool", Server: "db", Tool: "query", Decision: audit.Allow, Step: "tool_allowed_exact",
			Rule: `agents.backend.allow.tools["db"][0]`, Generation: 3, PolicyHash: "abc", Outcome: "ok", LatencyMS: 1.5,
		})
		l.Append(audit.Record{Timestamp: time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC), Operation: "list_servers", Decision: audit.Deny})
		closeLog(t, l)
		want := `{"v":1,"timestamp":"2000-01-01T00:00:00Z","event":"start","instance":"inst","seq":1,"version":"v1.2.3"}` + "\n" +
			`{"v":1,"timestamp":"2026-05-06T07:08:09.123456789Z","call_id":"c-1","instance":"inst","seq":2,"agent_id":"backend",` +
			`"requested_agent":"back<end>","credential":"cred","client":"cli/1","operation":"execute_tool","server":"db","tool":"query",` +
			`"decision":"ALLOW","step":"tool_allowed_exact","rule":"agents.backend.allow.tools[\"db\"][0]","generation":3,` +
			`"policy_hash":"abc","outcome":"ok","latency_ms":1.5}` + "\n" +
			`{"v":1,"timestamp":"2026-05-06T00:00:00Z","call_id":"","instance":"inst","seq":3,"operation":"list_servers",` +
			`"decision":"DENY","generation":0,"outcome":"","latency_ms":0}` + "\n" +
			`{"v":1,"timestamp":"2000-01-01T00:00:00Z","event":"stop","instance":"inst","seq":4}` + "\n"
		got := d.content(t)
		if diff := cmp.Diff(want, withoutChain.ReplaceAllString(got, "")); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		prev := strings.Repeat("0", 64)
		for text := range strings.Lines(got) {
			text = strings.TrimSuffix(text, "\n")
			if end := `,"prev":"` + prev + `"}`; !strings.HasSuffix(text, end) {
				t.Errorf("got the line %s, want it to end in %s", text, end)
			}
			prev = fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
		}
		if d.closed != 1 {
			t.Errorf("the file was closed %d times, want once", d.closed)
		}
	})
}

// In a fleet every line says who wrote it, and calls who ran them.
func TestAppend_inAFleet_linesHaveNodeOwnerAndEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.open(t, audit.Options{Node: "n1"})
		at := time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC)
		l.Append(audit.Record{Timestamp: at, Node: "forged", CallID: "c", Operation: "execute_tool", Decision: audit.Allow, Outcome: "ok", Owner: "n2", Epoch: 42})
		l.Append(audit.Record{Timestamp: at, CallID: "d", Operation: "execute_tool", Decision: audit.Allow, Outcome: "ok"})
		l.Note(audit.Event{Timestamp: at, Kind: audit.Operator, Action: "hold"})
		closeLog(t, l)
		want := `{"v":1,"timestamp":"2000-01-01T00:00:00Z","event":"start","instance":"inst","seq":1,"node":"n1"}
{"v":1,"timestamp":"2026-05-06T00:00:00Z","call_id":"c","instance":"inst","seq":2,"node":"n1","operation":"execute_tool","decision":"ALLOW","generation":0,"outcome":"ok","owner":"n2","epoch":42,"latency_ms":0}
{"v":1,"timestamp":"2026-05-06T00:00:00Z","call_id":"d","instance":"inst","seq":3,"node":"n1","operation":"execute_tool","decision":"ALLOW","generation":0,"outcome":"ok","latency_ms":0}
{"v":1,"timestamp":"2026-05-06T00:00:00Z","event":"operator","instance":"inst","seq":4,"node":"n1","action":"hold"}
{"v":1,"timestamp":"2000-01-01T00:00:00Z","event":"stop","instance":"inst","seq":5,"node":"n1"}
`
		if diff := cmp.Diff(want, withoutChain.ReplaceAllString(d.content(t), "")); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if findings, _ := verify(t, false, slices.Collect(strings.Lines(d.content(t)))); len(findings) > 0 {
			t.Errorf("verify found %v, want nothing", findings)
		}
	})
}

func TestAppend_withoutTimestamp_getsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.open(t, audit.Options{})
		now := time.Now()
		l.Append(audit.Record{})
		time.Sleep(time.Hour) // fake time: what counts is when it was appended
		closeLog(t, l)
		if got := records(t, d.content(t))[0].Timestamp; !got.Equal(now) || got.Location() != time.UTC {
			t.Errorf("got %s, want %s in UTC", got, now)
		}
	})
}

func TestAppend_textsOfAgents_staySmallAndHarmless(t *testing.T) {
	long := strings.Repeat("ö", 4000)
	nasty := "a\nb\x00\x1b[31m\x7f\u009b\u0085\u2028\u202e\u2066\u200b\U000e0041\xff\xc2\"}\\é😀"
	d := newDisk(t)
	l := d.open(t, audit.Options{Instance: long})
	l.Append(audit.Record{
		CallID: long, AgentID: long, RequestedAgent: long, Credential: long, Client: long, Operation: long,
		Server: long, Tool: long, Step: long, Rule: long, Outcome: long,
	})
	l.Append(audit.Record{RequestedAgent: nasty, Tool: "\xc2"})
	l.Append(audit.Record{RequestedAgent: strings.Repeat("\x80", 5000)})
	closeLog(t, l)
	got := d.content(t)
	for i, c := range []byte(got) {
		if c < 0x20 && c != '\n' || c == 0x7f || c == 0xc2 && got[i+1] < 0xa0 {
			t.Fatalf("the control character %#x must not be in the file", c)
		}
	}
	if !utf8.ValidString(got) {
		t.Error("the file is not UTF-8")
	}
	list := records(t, got)
	if len(list) != 3 {
		t.Fatalf("got %d lines, want 3", len(list))
	}
	first := list[0]
	for _, s := range []string{
		first.CallID, first.Instance, first.AgentID, first.RequestedAgent, first.Credential, first.Client,
		first.Operation, first.Server, first.Tool, first.Step, first.Rule, first.Outcome,
	} {
		if len(s) > 256 || !strings.Contains(s, "ö…#") {
			t.Errorf("got a text of %d bytes: %q, want at most 256 cut between two letters, with a hash", len(s), s)
		}
	}
	for _, r := range "\u2028\u202e\u2066\u200b\U000e0041" {
		if strings.ContainsRune(got, r) {
			t.Errorf("the character %U must not be in the file: it hides, or turns the text around it", r)
		}
	}
	if want := "a\nb\x00\x1b[31m\x7f\u009b\u0085\u2028\u202e\u2066\u200b\U000e0041\uFFFD\uFFFD\"}\\é😀"; list[1].RequestedAgent != want {
		t.Errorf("got %q, want %q", list[1].RequestedAgent, want)
	}
}

func TestAppend_fromManyGoroutines_losesNothingAndKeepsOrder(t *testing.T) {
	const appenders, each = 8, 400 // Half of what may wait for the disk, however slow that is.
	d := newDisk(t)
	l := d.open(t, audit.Options{})
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
	list := records(t, d.content(t))
	if s := l.Stats(); len(list) != appenders*each || s != (audit.Stats{Written: appenders * each}) {
		t.Fatalf("got %d lines and %+v, want %d", len(list), s, appenders*each)
	}
	next := map[string]uint64{}
	for _, r := range list {
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
			d := newDisk(t)
			d.gate = make(chan struct{})
			l := d.open(t, audit.Options{})
			for range total { // comes back though no write ever does
				l.Append(audit.Record{RequestedAgent: text, Client: text, Tool: text})
			}
			lost := l.Lost()
			if lost == 0 {
				t.Fatal("the queue has no bound")
			}
			close(d.gate)
			closeLog(t, l)
			list := records(t, d.content(t))
			if got := uint64(len(list)) + l.Lost(); got != total || l.Lost() != lost {
				t.Errorf("got %d written and %d lost, want %d together and %d lost", len(list), l.Lost(), total, lost)
			}
			if said := lostLines(t, d.content(t)); said != lost {
				t.Errorf("the file tells of %d lost records, want %d", said, lost)
			}
			if d.writes > len(list)/50 {
				t.Errorf("got %d writes for %d lines, want batches", d.writes, len(list))
			}
		})
	}
}

func TestAppend_diskFullNowAndThen_nothingIsLostAndEveryLineIsWhole(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			d := newDisk(t)
			full := rand.New(rand.NewPCG(seed, r.Uint64())) // the writer's own
			d.room = func(n int) int { return full.IntN(n + n/2 + 1) }
			l := d.open(t, audit.Options{})
			total := r.IntN(40) + 1
			for i := range total {
				l.Append(audit.Record{Tool: strings.Repeat("t", i)})
				if i%7 == 0 {
					runtime.Gosched() // so that batches differ; nothing depends on it
				}
			}
			synctest.Wait()
			lines(t, d.content(t)) // no part of a line is ever left there
			d.setRoom(nil)         // space again
			closeLog(t, l)
			if got := len(records(t, d.content(t))); got != total || l.Lost() != 0 {
				t.Fatalf("got %d lines and %d lost, want %d and none", got, l.Lost(), total)
			}
		}
	})
}

func TestAppend_diskFull_recordsWaitAndAreWrittenWhenThereIsSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		var out bytes.Buffer
		l := d.open(t, audit.Options{Log: logTo(&out)})
		synctest.Wait()
		d.setRoom(nothing)
		l.Append(audit.Record{Tool: "first"})
		time.Sleep(time.Minute) // fake time
		l.Append(audit.Record{Tool: "second"})
		synctest.Wait()
		if s := l.Stats(); s.Written != 0 || s.Queued != 2 || s.Lost != 0 || s.Failed < 10 || !strings.Contains(s.Err, errFull.Error()) {
			t.Errorf("got %+v while the disk is full, want none written or lost, 2 queued, 10 failures at least and why", s)
		}
		d.setRoom(nil)
		time.Sleep(time.Minute)
		if s := l.Stats(); s.Written != 2 || s.Queued != 0 || s.Lost != 0 || s.Err != "" {
			t.Errorf("got %+v after it, want 2 written, none queued or lost", s)
		}
		closeLog(t, l)
		if list := records(t, d.content(t)); len(list) != 2 || list[1].Tool != "second" {
			t.Errorf("got %+v, want both, the second last", list)
		}
		if n := strings.Count(out.String(), `"audit log cannot be written"`); n != 1 || !strings.Contains(out.String(), `"audit log is written again"`) {
			t.Errorf("want the failure and its end logged once:\n%s", out.String())
		}
	})
}

// The space of a deleted file is free only once nobody has it open.
func TestAppend_diskFullOfALogThatIsThenDeleted_goesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.open(t, audit.Options{})
		l.Append(audit.Record{Tool: "before"})
		time.Sleep(time.Minute) // fake time
		d.setRoom(func(n int) int { return n * min(1, d.closed) })
		l.Append(audit.Record{Tool: "after"})
		synctest.Wait()
		if err := os.Remove(d.path); err != nil {
			d.setRoom(nil)
			closeLog(t, l)
			t.Skipf("an open file cannot be deleted here: %v", err)
		}
		time.Sleep(time.Minute)
		if s := l.Stats(); s.Written != 2 || s.Queued != 0 || s.Err != "" {
			t.Errorf("got %+v once there is space, want 2 written and none queued", s)
		}
		closeLog(t, l)
		if got := d.content(t); !strings.Contains(got, `"after"`) {
			t.Errorf("got %q, want the record that came after", got)
		}
	})
}

func TestClose_diskFull_countsWhatIsLostAndSaysSo(t *testing.T) {
	d := newDisk(t)
	d.room = func(int) int { return 10 }
	l := d.open(t, audit.Options{})
	l.Append(audit.Record{})
	l.Append(audit.Record{})
	err := tryClose(t, l)
	if err == nil || !strings.Contains(err.Error(), "2 records are lost") || !strings.Contains(err.Error(), errFull.Error()) {
		t.Errorf("got %v, want the number and the cause", err)
	}
	if l.Lost() != 2 || d.content(t) != "" {
		t.Errorf("got %d lost and %q written, want 2 and nothing", l.Lost(), d.content(t))
	}
}

// A log that is slow to take the report of a loss has it all the same when the gateway
// ends.
func TestLoss_underWayAtTheEnd_isInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken, goOn := make(chan struct{}), make(chan struct{})
		var reports atomic.Int64
		log := slog.New(handlerFunc(func(r slog.Record) {
			if r.Message == "audit records lost" && reports.Add(1) == 1 {
				close(taken)
				<-goOn
			}
		}))
		d := newDisk(t)
		d.room = nothing
		l := d.open(t, audit.Options{Log: log})
		for l.Lost() == 0 {
			l.Append(audit.Record{})
		}
		<-taken
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			_ = tryClose(t, l) // It tells of the loss.
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("it is closed before its loss is in the log")
		default:
		}
		close(goOn)
		<-closed
		if n := reports.Load(); n != 2 {
			t.Errorf("got %d reports, want 2: the one that was under way, and of what could not be written at the end", n)
		}
	})
}

func TestLoss_isLoggedAtMostOnceASecondAndNeverForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var out bytes.Buffer
		log := logTo(writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return out.Write(b)
		}))
		d := newDisk(t)
		d.room = nothing
		l := d.open(t, audit.Options{Log: log})
		for l.Lost() == 0 {
			l.Append(audit.Record{}) // fills the queue
		}
		queued := uint64(l.Stats().Queued)
		for range 100 { // 10 s, ten records in each
			for range 10 {
				l.Append(audit.Record{})
			}
			synctest.Wait()
			time.Sleep(100 * time.Millisecond)
		}
		if err := tryClose(t, l); err == nil {
			t.Error("closing does not tell of what is lost")
		}
		mu.Lock()
		defer mu.Unlock()
		type entry struct {
			Time    time.Time
			Level   string
			Msg     string
			Records uint64
			Total   uint64
		}
		var sum uint64
		var last time.Time
		count := 0
		for line := range strings.Lines(out.String()) {
			var e entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if e.Msg != "audit records lost" {
				continue
			}
			sum += e.Records
			count++
			if e.Level != "ERROR" || e.Total != sum {
				t.Errorf("got %+v, want a total of %d", e, sum)
			}
			if gap := e.Time.Sub(last); gap < time.Second && sum != 1001+queued {
				t.Errorf("logged again after %s, want a second or more", gap)
			}
			last = e.Time
		}
		if sum != 1001+queued || l.Lost() != sum || count < 10 || count > 13 {
			t.Errorf("logged %d losses in %d lines, counted %d; want %d in about one line a second", sum, count, l.Lost(), 1001+queued)
		}
	})
}

// handlerFunc is called with each record, by several goroutines at once.
type handlerFunc func(slog.Record)

func (f handlerFunc) Handle(_ context.Context, r slog.Record) error { f(r); return nil }
func (f handlerFunc) Enabled(context.Context, slog.Level) bool      { return true }
func (f handlerFunc) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f handlerFunc) WithGroup(string) slog.Handler                 { return f }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestAppend_recordThatIsNoJSON_isCountedAndOthersLive(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{})
	l.Append(audit.Record{Tool: "a"})
	l.Append(audit.Record{LatencyMS: math.NaN()})
	l.Append(audit.Record{Tool: "b"})
	if err := l.Begin(t.Context(), audit.Record{LatencyMS: math.NaN()}); err == nil {
		t.Error("a record that cannot be written was begun")
	}
	closeLog(t, l)
	if list := records(t, d.content(t)); len(list) != 2 || l.Lost() != 1 || lostLines(t, d.content(t)) != 1 {
		t.Errorf("got %+v, %d lost and %d said to be; want 2 lines and 1 lost", list, l.Lost(), lostLines(t, d.content(t)))
	}
}

func TestClose_again_andAppendAfterwards(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{})
	closeLog(t, l)
	closeLog(t, l)
	before := d.content(t)
	l.Append(audit.Record{})
	if err := l.Begin(t.Context(), audit.Record{}); err == nil {
		t.Error("a record was begun in a closed log")
	}
	if l.Lost() != 1 || d.content(t) != before || d.closed != 1 {
		t.Errorf("got %d lost, %q written, closed %d times; want 1, nothing, once", l.Lost(), d.content(t), d.closed)
	}
}

func TestClose_diskHangs_endsWithItsContextAndSaysSo(t *testing.T) {
	d := newDisk(t)
	d.gate = make(chan struct{})
	l := d.open(t, audit.Options{})
	for range 10 {
		l.Append(audit.Record{})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the time is over")
	cancel(cause)
	if err := l.Close(ctx); !errors.Is(err, cause) || !strings.Contains(err.Error(), "10 records") {
		t.Errorf("got %v, want the cause of the context and the number", err)
	}
	close(d.gate)
	closeLog(t, l)
	if n := len(records(t, d.content(t))); n != 10 {
		t.Errorf("got %d lines after the disk came back, want 10", n)
	}
}

func TestSync_followsAWriteSoonAndThenThereIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.open(t, audit.Options{})
		syncs := func() int {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.syncs
		}
		l.Append(audit.Record{})
		time.Sleep(time.Minute) // fake time
		if got := syncs(); got != 1 {
			t.Errorf("got %d syncs, want 1 for what was written at once", got)
		}
		l.Append(audit.Record{})
		closeLog(t, l)
		if got := syncs(); got < 2 {
			t.Errorf("got %d syncs, want one more when it was closed", got)
		}
	})
}

func TestBegin_returnsWhenTheLineIsInTheFile(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{})
	defer closeLog(t, l)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := l.Begin(t.Context(), audit.Record{CallID: strconv.Itoa(i)}); err != nil {
				t.Error(err)
			}
			if got := d.content(t); !strings.Contains(got, `"event":"begin","call_id":"`+strconv.Itoa(i)+`"`) {
				t.Errorf("line %d is not there", i)
			}
		})
	}
	wg.Wait()
}

func TestBegin_diskFull_refusesAtOnceAndLeavesNoLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.open(t, audit.Options{})
		synctest.Wait()
		d.setRoom(nothing)
		start := time.Now()
		for range 3 {
			if err := l.Begin(t.Context(), audit.Record{Tool: "refused"}); !errors.Is(err, errFull) {
				t.Fatalf("got %v, want the disk's own cause", err)
			}
		}
		if waited := time.Since(start); waited != 0 { // fake time: exact
			t.Errorf("refused after %s, want 0", waited)
		}
		d.setRoom(nil)
		if err := l.Begin(t.Context(), audit.Record{Tool: "begun"}); err != nil {
			t.Error(err)
		}
		closeLog(t, l)
		if list := records(t, d.content(t)); len(list) != 1 || list[0].Tool != "begun" || l.Lost() != 0 {
			t.Errorf("got %+v, %d lost, want the begun one, and none lost", list, l.Lost())
		}
	})
}

func TestBegin_diskHangs_givesUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.gate, d.hasty = make(chan struct{}), true
		l := d.open(t, audit.Options{})
		start := time.Now()
		err := l.Begin(t.Context(), audit.Record{})
		if waited := time.Since(start); err == nil || waited != audit.BeginWait { // fake time: exact
			t.Errorf("got %v after %s, want an error after %s", err, waited, audit.BeginWait)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Begin(ctx, audit.Record{}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the end of the caller's context", err)
		}
		close(d.gate)
		closeLog(t, l)
	})
}

func TestBegin_queueFull_refusesAtOnceAndCountsNoLoss(t *testing.T) {
	d := newDisk(t)
	d.gate = make(chan struct{})
	l := d.open(t, audit.Options{})
	for l.Lost() == 0 {
		l.Append(audit.Record{})
	}
	if err := l.Begin(t.Context(), audit.Record{}); err == nil || l.Lost() != 1 {
		t.Errorf("got %v, %d lost, want an error and one lost", err, l.Lost())
	}
	close(d.gate)
	closeLog(t, l)
}

func BenchmarkAppend(b *testing.B) {
	l, err := audit.Open(filepath.Join(b.TempDir(), "audit.jsonl"), audit.Options{})
	if err != nil {
		b.Fatal(err)
	}
	r := audit.Record{CallID: "c-1", AgentID: "backend", Operation: "execute_tool", Server: "db", Tool: "query", Decision: audit.Allow}
	b.ReportAllocs()
	for b.Loop() {
		l.Append(r)
	}
	b.StopTimer()
	_ = l.Close(context.Background())
}
