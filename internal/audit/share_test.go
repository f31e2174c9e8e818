package audit_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/testkit"
)

// The test binary is a gateway of its own when this variable has a path.
const (
	childVariable  = "GATEHOUSE_AUDIT_CHILD"
	childInstance  = "GATEHOUSE_AUDIT_INSTANCE"
	childRecords   = 600
	childFileBytes = 10_000
)

// child appends its records while others do the same.
func child() int {
	l, err := audit.Open(os.Getenv(childVariable), audit.Patient(audit.Options{Instance: os.Getenv(childInstance), MaxBytes: childFileBytes, Files: 10_000}))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for i := range childRecords {
		l.Append(audit.Record{Generation: uint64(i)})
		for deadline := time.Now().Add(time.Minute); i%20 == 0 && l.Stats().Queued > 0 && time.Now().Before(deadline); {
			time.Sleep(100 * time.Microsecond) // so that there are many batches
		}
	}
	if err := l.Close(context.Background()); err != nil || l.Lost() > 0 {
		fmt.Fprintln(os.Stderr, err, l.Lost())
		return 1
	}
	return 0
}

// rotated reads a log's files, oldest first, and returns their names.
func rotated(t *testing.T, path string) (names []string, all string) {
	t.Helper()
	for n := 1; ; n++ {
		name := path + "." + strconv.Itoa(n)
		if _, err := os.Stat(name); err != nil {
			break
		}
		names = append([]string{name}, names...)
	}
	names = append(names, path)
	for _, name := range names {
		all += content(t, name)
	}
	return names, all
}

func TestShare_processesWriteAndRotateTheSameFile_everyLineIsThereOnceInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const processes = 3
	var cmds []*exec.Cmd
	for i := range processes {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), childVariable+"="+path, childInstance+"="+strconv.Itoa(i))
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	names, all := rotated(t, path)
	next := map[string]uint64{}
	for _, r := range records(t, all) { // checks the numbers
		if r.Event == "begin" {
			continue
		}
		if r.Generation != next[r.Instance] {
			t.Fatalf("instance %s: record %d comes where %d should", r.Instance, r.Generation, next[r.Instance])
		}
		next[r.Instance]++
	}
	for instance, n := range next {
		if n != childRecords {
			t.Errorf("instance %s has %d of %d records, want %d", instance, n, childRecords, childRecords)
		}
	}
	if got := verifyLog(t, path); got != nil {
		t.Errorf("got %v, want one chain over all files without a finding", got)
	}
	if len(next) != processes || len(names) < 2 {
		t.Errorf("got %d instances in %d files, want %d instances in 2 files at least", len(next), len(names), processes)
	}
}

func TestRotate_atItsSize_keepsSoManyFiles(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{MaxBytes: 2000, Files: 3, Keep: time.Nanosecond})
	for i := range 100 {
		if err := l.Begin(t.Context(), audit.Record{CallID: strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, l)
	names, all := rotated(t, d.path)
	if len(names) != 3 {
		t.Errorf("got %d files, want 3", len(names))
	}
	for _, name := range names {
		if size := len(content(t, name)); size > 2100 { // The last one may have a stop line more.
			t.Errorf("%s has %d bytes, want 2000 at most", name, size)
		}
	}
	list := lines(t, all)
	if last := list[len(list)-1]; last.Event != "stop" || last.Seq-list[0].Seq != uint64(len(list)-1) {
		t.Errorf("got the numbers %d to %d in %d lines, want a stop at the end and a line for each", list[0].Seq, last.Seq, len(list))
	}
	if s := l.Stats(); s.Rotated < 5 || s.Failed > 0 {
		t.Errorf("got %+v, want 5 rotations at least and no failure", s)
	}
}

func TestRotate_impossible_logGrowsOnAndNothingIsLost(t *testing.T) {
	d := newDisk(t)
	// A folder with something in it cannot be replaced by a file.
	if err := os.MkdirAll(filepath.Join(d.path+".1", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	l := d.open(t, audit.Options{MaxBytes: 500, Files: 2, Log: logTo(&out)})
	for i := range 20 {
		if err := l.Begin(t.Context(), audit.Record{CallID: strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, l)
	if got := len(records(t, d.content(t))); got != 20 {
		t.Errorf("got %d of 20 lines, want 20", got)
	}
	if n := strings.Count(out.String(), "audit log cannot be rotated"); n != 1 {
		t.Errorf("logged %d times:\n%s\nwant 1", n, out.String())
	}
}

func TestRename_bySomebodyElse_nextLineGoesToANewFile(t *testing.T) {
	for name, away := range map[string]func(path string) error{
		"renamed": func(path string) error { return os.Rename(path, path+"-old") },
		"replaced": func(path string) error {
			if err := os.Rename(path, path+"-old"); err != nil {
				return err
			}
			return os.WriteFile(path, nil, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t)
			l := d.open(t, audit.Options{})
			begin(t, l, "before")
			if err := away(d.path); err != nil {
				t.Skipf("an open file cannot be renamed here: %v", err)
			}
			begin(t, l, "after")
			closeLog(t, l)
			if list := records(t, content(t, d.path+"-old")); len(list) != 1 || list[0].CallID != "before" {
				t.Errorf("got %+v in the old file, want the record from before", list)
			}
			list := lines(t, d.content(t))
			if len(list) != 2 || list[0].CallID != "after" || list[0].Seq != 3 {
				t.Errorf("got %+v in the new file, want two, the first the record from after, as number 3", list)
			}
		})
	}
}

func begin(t *testing.T, l *audit.Log, id string) {
	t.Helper()
	if err := l.Begin(t.Context(), audit.Record{CallID: id}); err != nil {
		t.Fatal(err)
	}
}

func TestReopen_idleLog_letsGoOfTheRenamedFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		l := d.open(t, audit.Options{})
		synctest.Wait()
		if err := os.Rename(d.path, d.path+"-old"); err != nil {
			t.Skipf("an open file cannot be renamed here: %v", err)
		}
		l.Reopen()
		synctest.Wait()
		if got := d.content(t); got != "" || d.closed != 1 || d.syncs == 0 {
			t.Errorf("got %q in the new file, %d closed, %d synced; want a new file and the old one closed", got, d.closed, d.syncs)
		}
		closeLog(t, l)
		if list := lines(t, d.content(t)); len(list) != 1 || list[0].Event != "stop" {
			t.Errorf("got %+v, want a stop alone", list)
		}
	})
}

func TestFolder_removed_recordsWaitUntilItIsBack(t *testing.T) {
	d := newDisk(t)
	dir := filepath.Join(filepath.Dir(d.path), "sub")
	d.path = filepath.Join(dir, "audit.jsonl")
	l := d.open(t, audit.Options{})
	begin(t, l, "before")
	if err := os.RemoveAll(dir); err != nil {
		t.Skipf("an open file cannot be removed here: %v", err)
	}
	l.Append(audit.Record{CallID: "waits"})
	if err := l.Begin(t.Context(), audit.Record{CallID: "refused"}); err == nil {
		t.Error("a line was written to a file that is gone")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	begin(t, l, "after")
	closeLog(t, l)
	var ids []string
	for _, r := range lines(t, d.content(t)) {
		ids = append(ids, r.CallID)
	}
	if got := strings.Join(ids, ","); got != "waits,after," || l.Lost() != 0 {
		t.Errorf("got %s, %d lost, want waits,after, and none lost", got, l.Lost())
	}
}

func TestLock_heldByAnother_linesAreWrittenAllTheSame(t *testing.T) {
	d := newDisk(t)
	d.hasty = true
	unlock := lockFile(t, d.path+".lock")
	var out strings.Builder
	l := d.open(t, audit.Options{MaxBytes: 300, Log: logTo(&out)})
	l.Append(audit.Record{CallID: "first"})
	testkit.Eventually(t, "the first line is written", func() bool { return l.Stats().Queued == 0 })
	for i := range 10 {
		begin(t, l, strconv.Itoa(i))
	}
	if names, all := rotated(t, d.path); len(names) != 1 || len(records(t, all)) != 11 {
		t.Errorf("got %d files without the lock:\n%s", len(names), all)
	}
	unlock()
	begin(t, l, "with the lock")
	closeLog(t, l)
	names, all := rotated(t, d.path)
	if len(names) < 2 || len(records(t, all)) != 12 {
		t.Errorf("got %d files with the lock:\n%s\nwant 2 at least, with 12 records", len(names), all)
	}
	if n := strings.Count(out.String(), "without its lock"); n != 1 {
		t.Errorf("logged %d times:\n%s\nwant 1", n, out.String())
	}
}

func TestLock_fileRemoved_isMadeAgain(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{})
	begin(t, l, "before")
	if err := os.Remove(d.path + ".lock"); err != nil {
		t.Skipf("an open file cannot be removed here: %v", err)
	}
	begin(t, l, "after")
	if _, err := os.Stat(d.path + ".lock"); err != nil {
		t.Error(err)
	}
	closeLog(t, l)
}

func TestDiskFull_anotherGatewaysLinesAreNotGluedToAPart(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{Instance: "full"})
	begin(t, l, "before")
	d.setRoom(func(n int) int { return n / 2 })
	l.Append(audit.Record{CallID: "in part"})
	if err := l.Begin(t.Context(), audit.Record{}); err == nil {
		t.Error("half a line is no line")
	}
	other, err := audit.Open(d.path, audit.Patient(audit.Options{Instance: "other"}))
	if err != nil {
		t.Fatal(err)
	}
	begin(t, other, "other")
	closeLog(t, other)
	d.setRoom(nil)
	closeLog(t, l)
	if got := len(records(t, d.content(t))); got != 3 {
		t.Errorf("got %d lines, want 3:\n%s", got, d.content(t))
	}
}
