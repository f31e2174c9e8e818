package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/audit"
)

// verifyLog returns the findings in a log and its rotated files, as "file:line kind".
func verifyLog(t *testing.T, path string) (findings []string) {
	t.Helper()
	files, err := audit.Rotated(path)
	if err != nil {
		t.Fatal(err)
	}
	v := audit.NewVerifier(nil, len(files) > 1, func(f audit.Finding) {
		if f.Kind == audit.Decided {
			return // Records here have no step: these tests are about the rest.
		}
		t.Logf("%s:%d: %s: %s", filepath.Base(f.File), f.Line, f.Kind, f.Message)
		findings = append(findings, strings.TrimPrefix(filepath.Base(f.File), "audit.jsonl")+":"+strconv.Itoa(f.Line)+" "+string(f.Kind))
	})
	if err := v.VerifyFiles(files); err != nil {
		t.Fatal(err)
	}
	return findings
}

// ask writes a line about a call that the rules allowed.
func ask(t *testing.T, l *audit.Log, id string) {
	t.Helper()
	if err := l.Begin(t.Context(), callRecord(id, "read")); err != nil {
		t.Fatal(err)
	}
}

// run opens a log, writes so many records and closes it.
func run(t *testing.T, d *disk, instance string, records int) {
	t.Helper()
	l := d.open(t, audit.Options{Instance: instance})
	for i := range records {
		ask(t, l, strconv.Itoa(i))
	}
	closeLog(t, l)
}

func edit(t *testing.T, path string, change func(lines []string) []string) {
	t.Helper()
	lines := slices.Collect(strings.Lines(content(t, path)))
	if err := os.WriteFile(path, []byte(strings.Join(change(lines), "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestChain_goesOnOverRestartsAndSeesWhatIsCutOut(t *testing.T) {
	for name, c := range map[string]struct {
		change func(lines []string) []string
		want   []string
	}{
		"nothing":                             {func(l []string) []string { return l }, nil},
		"an instance from its start to stop":  {func(l []string) []string { return slices.Delete(l, 5, 10) }, []string{":6 chain"}},
		"the first instance":                  {func(l []string) []string { return l[5:] }, []string{":1 gap"}},
		"the last instance":                   {func(l []string) []string { return l[:10] }, []string{":10 cut"}},
		"the last line":                       {func(l []string) []string { return l[:14] }, []string{":14 cut"}},
		"everything":                          {func([]string) []string { return nil }, []string{":0 cut"}},
		"a text in the last line":             {func(l []string) []string { l[14] = strings.Replace(l[14], "2", "3", 1); return l }, []string{":15 cut"}},
		"a line put in between two instances": {func(l []string) []string { return slices.Insert(l, 5, "{}\n") }, []string{":6 unreadable"}},
		"two instances exchanged":             {func(l []string) []string { return slices.Concat(l[5:10], l[:5], l[10:]) }, []string{":6 chain", ":11 chain", ":1 gap"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t)
			for _, instance := range []string{"one", "two", "three"} {
				run(t, d, instance, 3)
			}
			edit(t, d.path, c.change)
			if diff := cmp.Diff(c.want, verifyLog(t, d.path)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestChain_endCutWhileNobodyRuns_isSeenAlsoAfterTheNextStart(t *testing.T) {
	d := newDisk(t)
	run(t, d, "one", 3)
	edit(t, d.path, func(l []string) []string { return l[:3] })
	var out strings.Builder
	l := d.open(t, audit.Options{Instance: "two", Log: logTo(&out)})
	ask(t, l, "after")
	if s := l.Stats(); s.Cut != 1 {
		t.Errorf("got %d cuts counted, want 1", s.Cut)
	}
	closeLog(t, l)
	if got, want := verifyLog(t, d.path), []string{":4 chain"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if n := strings.Count(out.String(), "the last lines of the audit log are missing"); n != 1 {
		t.Errorf("got %d log lines about it, want 1:\n%s", n, out.String())
	}
}

// A line that does not name the one before it was written by nobody who had the log.
func TestChain_lineAddedWhileNobodyRuns_isSeenWithTheNextStart(t *testing.T) {
	d := newDisk(t)
	run(t, d, "one", 3)
	edit(t, d.path, func(l []string) []string { return append(l, l[1]) })
	var out strings.Builder
	l := d.open(t, audit.Options{Instance: "two", Log: logTo(&out)})
	ask(t, l, "after")
	closeLog(t, l)
	if s := l.Stats(); s.Cut != 1 || !strings.Contains(out.String(), "the last lines of the audit log are missing") {
		t.Errorf("got %d cuts counted and the log %q, want 1 and a word of it", s.Cut, out.String())
	}
	if got := verifyLog(t, d.path); len(got) == 0 {
		t.Error("audit verify finds nothing, want the line that was added")
	}
}

func TestChain_endCutWhileItRuns_isSeenWithTheNextLine(t *testing.T) {
	for name, c := range map[string]struct {
		keep int // lines that are left
		want string
	}{"some lines": {3, ":4 chain"}, "all lines": {0, ":1 gap"}} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t)
			l := d.open(t, audit.Options{})
			for i := range 5 {
				ask(t, l, strconv.Itoa(i))
			}
			size := 0
			for _, line := range slices.Collect(strings.Lines(d.content(t)))[:c.keep] {
				size += len(line)
			}
			if err := os.Truncate(d.path, int64(size)); err != nil {
				t.Fatal(err)
			}
			ask(t, l, "after")
			if s := l.Stats(); s.Cut != 1 {
				t.Errorf("got %d cuts counted, want 1", s.Cut)
			}
			closeLog(t, l)
			got := verifyLog(t, d.path)
			if c.keep > 0 {
				c.want = ":4 gap"
			}
			if !slices.Equal(got, []string{c.want}) {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

// A gateway that was killed between a line and the note of it has cut nothing off.
func TestChain_noteOlderThanTheLog_isNoCut(t *testing.T) {
	d := newDisk(t)
	run(t, d, "one", 1)
	state := content(t, d.path+".lock")
	run(t, d, "two", 1)
	for name, text := range map[string]string{"an older line": state, "nothing": "", "rubbish": "x"} {
		if err := os.WriteFile(d.path+".lock", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l := d.open(t, audit.Options{Instance: name})
		ask(t, l, "")
		if s := l.Stats(); s.Cut != 0 {
			t.Errorf("%s: got %d cuts counted, want none", name, s.Cut)
		}
		closeLog(t, l)
	}
	if got := verifyLog(t, d.path); got != nil {
		t.Errorf("got %v, want no findings", got)
	}
}

func TestChain_rotationBySomebodyElse_continuesIt(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{})
	ask(t, l, "before")
	if err := os.Rename(d.path, d.path+".1"); err != nil {
		t.Skipf("an open file cannot be renamed here: %v", err)
	}
	ask(t, l, "after")
	closeLog(t, l)
	if got := verifyLog(t, d.path); got != nil || l.Stats().Cut != 0 {
		t.Errorf("got %v and %d cuts, want none", got, l.Stats().Cut)
	}
}

// fill writes until the log has been rotated so often.
func fill(t *testing.T, l *audit.Log, rotations uint64) {
	t.Helper()
	for i := 0; l.Stats().Rotated < rotations; i++ {
		ask(t, l, strconv.Itoa(i))
	}
}

func TestRotate_youngLines_areKeptHoweverManyFilesThereAre(t *testing.T) {
	d := newDisk(t)
	roomy := func(string) (free, total uint64, err error) { return 100 << 30, 1 << 40, nil }
	l := d.open(t, audit.WithSpace(audit.Options{MaxBytes: 1000, Files: 2, Keep: time.Hour}, roomy))
	fill(t, l, 8)
	closeLog(t, l)
	if names, _ := rotated(t, d.path); len(names) != 9 || l.Stats().Dropped != 0 {
		t.Errorf("got %d files, %d dropped, want 9 and none", len(names), l.Stats().Dropped)
	}
	if got := verifyLog(t, d.path); got != nil {
		t.Errorf("got %v, want no findings", got)
	}
}

func TestRotate_oldLines_areDroppedAndALineTellsWhich(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{MaxBytes: 1000, Files: 3, Keep: time.Nanosecond})
	fill(t, l, 8)
	closeLog(t, l)
	if s := l.Stats(); s.Dropped != 6 || s.Young != 0 {
		t.Errorf("got %d dropped, %d of them young, want 6 and none", s.Dropped, s.Young)
	}
	_, all := rotated(t, d.path)
	if !strings.Contains(all, `"event":"dropped"`) || !strings.Contains(all, `"file":"audit.jsonl.2","last":"`) || !strings.Contains(all, `"reason":"age"`) {
		t.Errorf("got %s, want a line about what was dropped", all)
	}
	if got := verifyLog(t, d.path); got != nil {
		t.Errorf("got %v, want no findings", got)
	}
	if err := os.Remove(d.path + ".2"); err != nil {
		t.Fatal(err)
	}
	if got, want := verifyLog(t, d.path), []string{".1:1 gap"}; !slices.Equal(got, want) {
		t.Errorf("got %v after somebody deleted a file, want %v", got, want)
	}
}

func TestRotate_diskNearlyFull_dropsYoungLinesAndSaysSoLoudly(t *testing.T) {
	d := newDisk(t)
	var out strings.Builder
	full := func(string) (free, total uint64, err error) { return 10 << 20, 1 << 30, nil }
	l := d.open(t, audit.WithSpace(audit.Options{MaxBytes: 1000, Files: 2, Keep: time.Hour, Log: logTo(&out)}, full))
	fill(t, l, 2)
	closeLog(t, l)
	if s := l.Stats(); s.Dropped != 1 || s.Young != 1 {
		t.Errorf("got %d dropped, %d of them young, want 1 and 1", s.Dropped, s.Young)
	}
	if !strings.Contains(out.String(), `"level":"ERROR","msg":"the disk is nearly full`) {
		t.Errorf("got the log %s, want an error", out.String())
	}
	if got := verifyLog(t, d.path); len(got) != 1 || !strings.HasSuffix(got[0], " dropped") {
		t.Errorf("got %v, want the one finding that lines were dropped", got)
	}
}

func TestRotate_spaceUnknown_keepsYoungLines(t *testing.T) {
	d := newDisk(t)
	unknown := func(string) (free, total uint64, err error) { return 0, 0, errors.New("who knows") }
	l := d.open(t, audit.WithSpace(audit.Options{MaxBytes: 1000, Files: 2, Keep: time.Hour}, unknown))
	fill(t, l, 4)
	closeLog(t, l)
	if s := l.Stats(); s.Dropped != 0 {
		t.Errorf("got %d dropped, want none", s.Dropped)
	}
}

func TestAppend_flood_getsSomeFullLinesAndThenOneASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.open(t, audit.Options{})
		long := strings.Repeat("x", 4000)
		const calls = 10_000
		var waited time.Duration
		for i := range calls {
			w := l.Append(audit.Record{Decision: audit.Deny, Operation: "execute_tool", AgentID: "loud", RequestedAgent: strconv.Itoa(i), Server: long + strconv.Itoa(i)})
			if w > audit.MaxWait {
				t.Fatalf("got a wait of %s, want %s at most", w, audit.MaxWait)
			}
			waited = max(waited, w)
			if i%10 == 0 {
				if w := l.Append(audit.Record{Decision: audit.Allow, AgentID: "honest", CallID: strconv.Itoa(i)}); w != 0 {
					t.Fatalf("got a wait of %s for an honest call, want none", w)
				}
			}
			time.Sleep(time.Millisecond) // fake time: 10 s in all
		}
		closeLog(t, l)
		var full, honest, summaries int
		var summed uint64
		hashes := map[string]bool{}
		for _, line := range lines(t, d.content(t)) {
			switch {
			case line.Event == "refused":
				summaries++
				summed += line.Count
				hashes[line.Names] = true
				if line.AgentID != "loud" {
					t.Errorf("got %+v, want the agent in it", line)
				}
			case line.AgentID == "loud":
				full++
			case line.AgentID == "honest":
				honest++
			}
		}
		if honest != calls/10 {
			t.Errorf("got %d lines of honest calls, want each of %d", honest, calls/10)
		}
		if full < 500 || full > 800 || full+int(summed) != calls {
			t.Errorf("got %d full lines and %d summed up, want some and %d together", full, summed, calls)
		}
		if summaries < 5 || summaries > 15 || len(hashes) != summaries {
			t.Errorf("got %d lines that sum up with %d hashes, want one a second", summaries, len(hashes))
		}
		if waited == 0 {
			t.Error("got no wait for the one who floods, want some")
		}
		if s := l.Stats(); s.Lost != 0 || s.Summarized != summed {
			t.Errorf("got %+v, want none lost and %d summed up", s, summed)
		}
		if got := verifyLog(t, d.path); got != nil {
			t.Errorf("got %v, want no findings", got)
		}
	})
}

func TestAppend_allowedCallsThatWereNotSent_arePacedToo(t *testing.T) {
	for outcome, paced := range map[string]bool{"RATE_LIMITED": true, "SERVER_NOT_FOUND": true, "ok": false, "tool_error": false, "SERVER_UNAVAILABLE": false} {
		synctest.Test(t, func(t *testing.T) {
			d := newDisk(t)
			l := d.open(t, audit.Options{})
			for range 1000 {
				l.Append(audit.Record{Decision: audit.Allow, Step: "s", AgentID: "a", Outcome: outcome})
			}
			closeLog(t, l)
			if got := l.Stats().Summarized; (got > 0) != paced {
				t.Errorf("%s: got %d summed up, want some: %v", outcome, got, paced)
			}
		})
	}
}

func TestAppend_manyWhoFlood_leaveHalfTheQueueToOthers(t *testing.T) {
	synctest.Test(t, manyFlood)
}

func manyFlood(t *testing.T) {
	d := newDisk(t)
	d.gate = make(chan struct{}) // The disk hangs.
	l := d.open(t, audit.Options{})
	for i := range 20_000 {
		l.Append(audit.Record{Decision: audit.Deny, AgentID: strconv.Itoa(i % 1000), Server: strings.Repeat("x", 300)})
		if i%1000 == 0 {
			time.Sleep(time.Second) // Fake time: lines that sum up are due.
		}
	}
	for range 2000 {
		l.Append(audit.Record{Decision: audit.Allow, AgentID: "honest"})
	}
	if lost := l.Lost(); lost != 0 {
		t.Errorf("got %d lost, want none", lost)
	}
	close(d.gate)
	closeLog(t, l)
	honest := 0
	for _, r := range records(t, d.content(t)) {
		if r.AgentID == "honest" {
			honest++
		}
	}
	if honest != 2000 {
		t.Errorf("got %d lines of honest calls, want 2000", honest)
	}
}

func TestAppend_oneWhoseAllowedCallsFillTheQueue_leavesRoomForOthers(t *testing.T) {
	d := newDisk(t)
	d.gate = make(chan struct{}) // The disk hangs.
	l := d.open(t, audit.Options{})
	for range 20_000 {
		l.Append(audit.Record{Decision: audit.Allow, AgentID: "loud"})
	}
	lost := l.Lost()
	for i := range 1000 {
		l.Append(audit.Record{Decision: audit.Allow, AgentID: "honest" + strconv.Itoa(i%3)})
	}
	if l.Lost() != lost || lost == 0 {
		t.Errorf("got %d lost after those of the loud one, %d before, want no more", l.Lost(), lost)
	}
	close(d.gate)
	closeLog(t, l)
}

func TestAppend_diskTookWhatFilledTheQueue_countsNotAgainstItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.gate = make(chan struct{}) // The disk hangs.
		l := d.open(t, audit.Options{})
		for l.Lost() == 0 {
			l.Append(audit.Record{Decision: audit.Allow, AgentID: "loud"})
		}
		for l.Stats().Queued > 0 {
			d.gate <- struct{}{}
			synctest.Wait()
		}
		for i := range 7000 { // It hangs again.
			l.Append(audit.Record{Decision: audit.Allow, AgentID: "honest" + strconv.Itoa(i%3)})
		}
		l.Append(audit.Record{Decision: audit.Allow, AgentID: "loud"})
		if lost := l.Lost(); lost != 1 {
			t.Errorf("got %d lost, want none after the first", lost)
		}
		close(d.gate)
		closeLog(t, l)
	})
}

func TestAppend_twoLongNames_canBeToldApart(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{})
	long := strings.Repeat("n", 300)
	for _, name := range []string{long + "1", long + "2", long + "1"} {
		l.Append(audit.Record{Tool: name})
	}
	closeLog(t, l)
	list := records(t, d.content(t))
	if list[0].Tool == list[1].Tool || list[0].Tool != list[2].Tool || len(list[0].Tool) > 256 {
		t.Errorf("got %q, %q, %q, want two different ones of 256 bytes at most", list[0].Tool, list[1].Tool, list[2].Tool)
	}
}

func TestNote_events_areLinesOfTheirOwn(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{})
	l.Note(audit.Event{Kind: audit.Operator, Action: "hold", Server: "db", By: "uid 1000", Outcome: "ok", Reason: "a\x1b[2Jb\u202e"})
	l.Note(audit.Event{Kind: audit.Reload, File: "/x/.mcp.json", Hash: "aa", ServersHash: "aa", PolicyHash: "bb", Generation: 3, Outcome: "applied"})
	closeLog(t, l)
	got := d.content(t)
	for _, want := range []string{
		`"event":"operator","instance":"inst","seq":2,"action":"hold","by":"uid 1000","server":"db","outcome":"ok","reason":"a\u001b[2Jb`,
		`"event":"reload","instance":"inst","seq":3,"file":"/x/.mcp.json","hash":"aa","servers_hash":"aa","policy_hash":"bb","generation":3,"outcome":"applied"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
	if got := verifyLog(t, d.path); got != nil {
		t.Errorf("got %v, want no findings", got)
	}
}

func TestNote_refusedCredentials_arePacedByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.open(t, audit.Options{})
		for i := range 1000 {
			l.Note(audit.Event{Kind: audit.Credential, Address: "[2001:db8::" + strconv.Itoa(i) + "]:1", Reason: "unknown"})
		}
		l.Note(audit.Event{Kind: audit.Credential, Address: "192.0.2.1:5", Reason: "unknown"})
		closeLog(t, l)
		var full, other int
		var summed uint64
		for _, line := range lines(t, d.content(t)) {
			switch {
			case line.Event != "credential":
			case line.Count > 0:
				summed += line.Count
			case strings.HasPrefix(line.Address, "192"):
				other++
			default:
				full++
			}
		}
		if full != 10 || summed != 990 || other != 1 {
			t.Errorf("got %d lines, %d summed up and %d of the other address, want 10, 990 and 1", full, summed, other)
		}
	})
}
