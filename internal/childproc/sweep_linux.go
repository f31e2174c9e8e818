package childproc

import (
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	// sweepTerm is how long what a dead gateway left has to obey TERM.
	sweepTerm = 500 * time.Millisecond
	// oldRecord is when a record is thrown away if nobody can know whether its
	// gateway lives: that of another machine with the same home, for example.
	oldRecord = 30 * 24 * time.Hour
	// oldDraft is when a draft is no longer being written.
	oldDraft = time.Minute
)

// sweep ends what dead gateways left, by the records in dir, and removes those
// records. It touches nothing of a live gateway and none of this process's
// ancestors. It blocks for some seconds at most.
func sweep(dir, own string, log *slog.Logger) {
	records, drafts := recordFiles(dir)
	var dead []record
	keep := ancestors()
	for _, name := range records {
		path := filepath.Join(dir, name)
		r, err := readRecord(path)
		switch {
		case err != nil:
			log.Warn("record of processes left alone", slog.String("file", path), slog.Any("err", err))
		case r.Instance == own:
		case !r.here():
			sweepForeign(path, r)
		case r.alive():
			keep[r.PID] = true
		default:
			dead = append(dead, r)
		}
	}
	for _, name := range drafts {
		removeOlder(filepath.Join(dir, name), oldDraft)
	}
	for _, r := range dead {
		sweepOne(r, filepath.Join(dir, r.name()), keep, log)
	}
}

// sweepOne ends what one dead gateway left.
func sweepOne(r record, path string, keep map[int]bool, log *slog.Logger) {
	killAt := time.Now().Add(sweepTerm)
	met, left := ending{
		find:   func() []proc { return leftBy(r.Instance, keep, r.owns) },
		anew:   targetsLeftBy(r.Instance, keep, r.owns),
		killAt: func() time.Time { return killAt },
	}.run()
	attrs := []any{slog.String("instance", r.Instance), slog.Int("pid", r.PID), slog.Int("processes", met)}
	if left > 0 {
		log.Error("processes of a dead gateway do not end", append(attrs, slog.Int("left", left))...)
		return
	}
	removeRecord(path)
	log.Info("swept what a dead gateway left", attrs...)
}

// leftBy finds what carries the mark of an instance and what owns reports, but
// for the processes to keep.
func leftBy(instance string, keep map[int]bool, owns func(map[int]proc, proc) bool) []proc {
	return markedBy(InstanceVariable, instance, keep, owns)
}

// markedBy is leftBy by another variable.
func markedBy(variable, instance string, keep map[int]bool, owns func(map[int]proc, proc) bool) []proc {
	all := processes()
	var found, ask []proc
	for _, p := range people(all) {
		switch {
		case keep[p.pid]:
		case owns(all, p):
			found = append(found, p)
		default:
			ask = append(ask, p)
		}
	}
	return append(found, carriers(ask, variable, instance)...)
}

// targetsLeftBy are whom leftBy finds.
func targetsLeftBy(instance string, keep map[int]bool, owns func(map[int]proc, proc) bool) targets {
	return targetsMarkedBy(InstanceVariable, instance, keep, owns)
}

// targetsMarkedBy are whom markedBy finds.
func targetsMarkedBy(variable, instance string, keep map[int]bool, owns func(map[int]proc, proc) bool) targets {
	return targets{among: allPIDs, has: func(p proc) (yes, known bool) {
		if keep[p.pid] || len(people(map[int]proc{p.pid: p})) == 0 {
			return false, true
		}
		group := map[int]proc{}
		if leader, ok := readProc(p.pgid); ok {
			group[p.pgid] = leader
		}
		if owns(group, p) {
			return true, true
		}
		return p.carries(variable + "=" + instance)
	}}
}

// sweepForeign removes a record whose gateway cannot have survived, or that is
// so old that nobody needs it.
func sweepForeign(path string, r record) {
	host, _ := os.Hostname() // Empty if not.
	if r.Host == host && r.Boot != bootID() {
		removeRecord(path)
		return
	}
	removeOlder(path, oldRecord)
}

func removeOlder(path string, age time.Duration) {
	if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > age {
		_ = os.Remove(path) // The next start tries again.
	}
}

// ancestors returns the pids of this process's ancestors. It reads these alone:
// a start must not have to read all processes of a large machine.
func ancestors() map[int]bool {
	above := map[int]bool{}
	for pid := os.Getppid(); pid > 0 && !above[pid]; {
		above[pid] = true
		p, _ := readProc(pid) // Who is gone has no parent.
		pid = p.ppid
	}
	return above
}
