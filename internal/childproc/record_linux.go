package childproc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gatehouse/internal/rawjson"
)

const (
	recordVersion = 1
	recordEnd     = ".json"
	// draftEnd is what a record's name ends in while it is written.
	draftEnd = ".new"
	// maxRecord is how many bytes of a record are read.
	maxRecord = 1 << 20
)

// record is what a gateway writes to a file in case it dies before it can clean
// up: who it is, and what it has started.
type record struct {
	Version   int        `json:"v"`
	PID       int        `json:"pid"`
	Start     uint64     `json:"start"` // ticks since boot
	Boot      string     `json:"boot_id"`
	PIDSpace  string     `json:"pid_namespace"`
	Host      string     `json:"host"`
	Instance  string     `json:"instance"`
	Processes []recorded `json:"processes"` // group leaders, by pid
}

type recorded struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
}

// newRecord describes this process.
func newRecord(instance string) record {
	self, _ := readProc(os.Getpid()) // It is there.
	host, _ := os.Hostname()         // Empty if not.
	return record{
		Version: recordVersion, PID: os.Getpid(), Start: self.start, Boot: bootID(), PIDSpace: pidSpace(),
		Host: host, Instance: instance, Processes: []recorded{},
	}
}

// name is the name of the record's file.
func (r record) name() string { return strconv.Itoa(r.PID) + "-" + r.Instance + recordEnd }

// here reports whether pids mean the same in the record as to this process.
func (r record) here() bool { return r.Boot == bootID() && r.PIDSpace == pidSpace() }

// alive reports whether the gateway that wrote the record runs.
func (r record) alive() bool { return proc{pid: r.PID, start: r.Start}.alive() }

// owns reports whether a process is in the group of a leader that the record
// names and that is still there.
func (r record) owns(all map[int]proc, p proc) bool {
	leader, ok := all[p.pgid]
	return ok && slices.Contains(r.Processes, recorded{PID: leader.pid, Start: leader.start})
}

// save writes the record so that a reader sees the old one or the new one.
func (r record) save(dir string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot encode the record of processes: %w", err)
	}
	path := filepath.Join(dir, r.name())
	if err := os.WriteFile(path+draftEnd, data, 0o600); err != nil {
		return fmt.Errorf("cannot write the record of processes: %w", err)
	}
	if err := os.Rename(path+draftEnd, path); err != nil {
		return fmt.Errorf("cannot write the record of processes: %w", err)
	}
	return nil
}

// removeRecord removes a record and its draft.
func removeRecord(path string) {
	_ = os.Remove(path) // The next start tries again.
	_ = os.Remove(path + draftEnd)
}

// recordDir makes the folder of the records. It refuses one that others can write
// to, because what a record names is killed.
func recordDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of the record of processes: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("cannot use the folder of the record of processes: %w", err)
	}
	if !info.IsDir() || !private(info) {
		return fmt.Errorf("cannot keep a record of processes in %s: it must be a folder that only its owner, this user, can write to", dir)
	}
	return nil
}

// private reports whether a file is ours and nobody else can write to it.
func private(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid() && info.Mode().Perm()&0o022 == 0
}

// readRecord reads a record that is a private, regular file and makes sense.
func readRecord(path string) (record, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return record{}, err
	}
	defer closeAll(f)
	info, err := f.Stat()
	if err != nil {
		return record{}, err
	}
	if !info.Mode().IsRegular() || !private(info) || info.Size() > maxRecord {
		return record{}, errors.New("it is not a private file of at most 1 MiB")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return record{}, fmt.Errorf("it cannot be read: %w", err)
	}
	var r record
	if err := rawjson.Decode(data, &r); err != nil {
		return record{}, fmt.Errorf("it is not a record: %w", err)
	}
	if r.Version != recordVersion || r.PID < 1 ||
		!validInstance(r.Instance) || r.name() != filepath.Base(path) {
		return record{}, errors.New("it is not a record of this version")
	}
	return r, nil
}

// recordFiles lists the names of records in a folder, and of drafts.
func recordFiles(dir string) (records, drafts []string) {
	entries, _ := os.ReadDir(dir) // What was read before an error still counts.
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasSuffix(name, recordEnd):
			records = append(records, name)
		case strings.HasSuffix(name, recordEnd+draftEnd):
			drafts = append(drafts, name)
		}
	}
	return records, drafts
}

// leaders lists children for a record.
func leaders(owned map[int]child) []recorded {
	out := []recorded{}
	for _, pid := range slices.Sorted(maps.Keys(owned)) {
		if c := owned[pid]; c.leads {
			out = append(out, recorded{PID: pid, Start: c.start})
		}
	}
	return out
}
