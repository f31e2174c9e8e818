package childproc_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"gatehouse/internal/childproc"
)

// FuzzParseStat reads any /proc/PID/stat: a program chooses its own name, which
// stands in the middle.
func FuzzParseStat(f *testing.F) {
	f.Add("1 (cat) S 2 3 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 1 2")
	f.Add("1 (a) S 9 9 9) R 2 3 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 1 2")
	f.Add("1 (Z) Z 2 3 4")
	f.Fuzz(func(t *testing.T, stat string) {
		childproc.ParseStat(7, stat)
		const rest = " S 2 3 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 1 2"
		ppid, start, ok := childproc.ParseStat(7, "7 ("+stat+")"+rest)
		if !ok || ppid != 2 || start != 9876 {
			t.Errorf("named %q: got parent %d, start %d, %v, want 2, 9876", stat, ppid, start, ok)
		}
	})
}

// FuzzReadRecord reads any file for a record of processes, for what it names is
// killed: it names a gateway, by the name of the file too, or is refused.
func FuzzReadRecord(f *testing.F) {
	f.Add(42, "0123456789abcdef", []byte(`{"v":1,"pid":42,"start":1,"instance":"0123456789abcdef","processes":[{"pid":43,"start":2}]}`))
	f.Add(1, "short", []byte(`{"v":1,"pid":1,"instance":"short"}`))
	f.Fuzz(func(t *testing.T, pid int, instance string, content []byte) {
		name := strconv.Itoa(pid) + "-" + filepath.Base(instance) + ".json"
		path := filepath.Join(t.TempDir(), name)
		if os.WriteFile(path, content, 0o600) != nil {
			return // No name for a file.
		}
		got, gotPID, err := childproc.ReadRecord(path)
		if err == nil && (gotPID < 1 || strconv.Itoa(gotPID)+"-"+got+".json" != name) {
			t.Errorf("got instance %q with pid %d, want those of the file's name %s", got, gotPID, name)
		}
	})
}

// FuzzHearGroups has a guard hear any words, for what it hears of it kills: no
// group of a whole session or of everybody.
func FuzzHearGroups(f *testing.F) {
	f.Add("+12 34 56\n-12\n+13 1 1\n")
	f.Add("+1 0 0\n+0 0 0\n+-1 0 0\n-\n+")
	f.Fuzz(func(t *testing.T, words string) {
		for _, pid := range childproc.HearGroups(words) {
			if pid <= 1 {
				t.Errorf("%q: got the group %d, want 2 or more", words, pid)
			}
		}
	})
}
