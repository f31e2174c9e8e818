package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/redact"
	"gatehouse/internal/safefile"
)

// target is the configuration of a program that gatehouse is entered in.
type target struct {
	client  *clients.Client
	path    string
	existed bool // now
	now     []byte
	record  connection
}

// connection is what is kept of a connection until it ends.
type connection struct {
	File string `json:"file"`
	// Existed is set if the file was there before.
	Existed bool `json:"existed"`
	// Before is the SHA-256 of what the file was before; empty if it was not there.
	Before string `json:"before,omitempty"`
	// After is the SHA-256 of what connect has written.
	After string `json:"after"`
	// Taken are the servers that are missing from that. While Writing is set, some of
	// them may still be in the file.
	Taken []clients.Taken `json:"taken"`
	// Writing is set until the file is written. Then the file may still be as it was:
	// without an entry, or as an earlier connect has left it, whose SHA-256 is Earlier.
	Writing bool   `json:"writing,omitempty"`
	Earlier string `json:"earlier,omitempty"`
	// Entered is set while Writing is, if the file had an entry when that began, and Fresh
	// are the servers of Taken that it had then.
	Entered bool     `json:"entered,omitempty"`
	Fresh   []string `json:"fresh,omitempty"`
	// Copy is the name of the copy of the file; empty for that of the program.
	Copy string `json:"copy,omitempty"`
	// Left is the SHA-256 of what disconnect is about to write.
	Left string `json:"left,omitempty"`
}

// openTarget reads the file, and what is kept of an earlier connection.
func openTarget(c *clients.Client) (*target, error) {
	place, err := clientPlace()
	if err != nil {
		return nil, err
	}
	t := &target{client: c, path: c.ConnectFile(place, exists)}
	if err := t.readRecord(); err != nil {
		return nil, err
	}
	if t.record.File != "" && exists(t.record.File) {
		t.path = t.record.File
	}
	if t.path == "" {
		return nil, errors.New("there is no place for the configuration of " + c.Title + " here: this user has no home folder")
	}
	data, err := optional(safefile.Read(t.path, clients.MaxFileBytes))
	if err != nil {
		return nil, err
	}
	t.now, t.existed = data, data != nil
	return t, nil
}

// connectionsFolder is where connections are kept; empty if there is no place.
func connectionsFolder() string {
	if dir := stateFolder(); dir != "" {
		return filepath.Join(dir, "connections")
	}
	return ""
}

func (t *target) recordPath() string { return filepath.Join(connectionsFolder(), t.client.ID+".json") }

func (t *target) backupPath() string {
	return filepath.Join(connectionsFolder(), cmp.Or(t.record.Copy, t.client.ID+".backup"))
}

func (t *target) readRecord() error {
	if connectionsFolder() == "" {
		return errors.New("there is no place to keep what the file was: this user has no home folder")
	}
	data, err := optional(safefile.ReadOwn(t.recordPath(), clients.MaxFileBytes))
	if err != nil || data == nil {
		return err
	}
	if err := rawjson.Decode(data, &t.record); err != nil {
		return fmt.Errorf("cannot read %s: %w; remove it if it is of no use", t.recordPath(), err)
	}
	if !t.isCopy() {
		return fmt.Errorf("%s names a copy that is none of gatehouse's: %q; nothing is changed", t.recordPath(), t.record.Copy)
	}
	return nil
}

// isCopy reports whether a record's copy of the file has a name that connect gives one.
func (t *target) isCopy() bool {
	number, ours := strings.CutPrefix(strings.TrimSuffix(t.record.Copy, ".backup"), t.client.ID)
	_, err := strconv.ParseUint(strings.TrimPrefix(number, "-"), 10, 32)
	return t.record.Copy == "" || ours && strings.HasSuffix(t.record.Copy, ".backup") && (number == "" || err == nil && number[0] == '-')
}

// untouched reports whether the file is as connect has left it.
func (t *target) untouched() bool {
	now := hashOf(t.now)
	return t.record.After != "" && (now == t.record.After || now == t.record.Earlier)
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (t *target) connected() bool {
	return t.existed && (t.untouched() || t.client.Connected(t.path, t.now))
}

// recorded reports whether something is kept of a connection. Without an entry in the
// file it is of a connect or disconnect that was killed, or somebody has taken out the
// entry by hand.
func (t *target) recorded() bool { return t.record.File != "" }

// asBefore reports whether after is what the file was before connect.
func (t *target) asBefore(after []byte) bool {
	if !t.record.Existed {
		return after == nil
	}
	if t.record.Before != "" {
		return hashOf(after) == t.record.Before
	}
	before, err := safefile.ReadOwn(t.backupPath(), clients.MaxFileBytes) // An earlier version wrote no Before.
	return err == nil && bytes.Equal(before, after)
}

// needless reports whether the copy of the file has nothing that after may lack: it is
// the same, or nobody but us has removed the entry.
func (t *target) needless(after []byte) bool {
	if len(t.doubtful()) > 0 || len(t.halved(after)) > 0 {
		return false
	}
	return t.connected() || !t.wrote() || hashOf(t.now) == t.record.Left || !t.record.Existed || !exists(t.backupPath()) || t.asBefore(after)
}

// wrote reports whether connect has written the file, as far as that can be told.
func (t *target) wrote() bool {
	return !t.record.Writing || hashOf(t.now) == t.record.After || !t.record.Entered && t.connected()
}

// doubtful are the servers that are missing after a connect that was killed, where that
// may have taken them out, or somebody else.
func (t *target) doubtful() (names []string) {
	if t.wrote() || t.untouched() || !exists(t.backupPath()) { // The copy comes before the file.
		return nil
	}
	for _, name := range t.record.Fresh {
		if !t.client.Has(t.path, t.now, name) {
			names = append(names, name)
		}
	}
	return names
}

// halved are the servers that were there twice, and of which after has one at most.
func (t *target) halved(after []byte) (names []string) {
	if !t.record.Existed || !exists(t.backupPath()) || t.asBefore(after) {
		return nil
	}
	for _, k := range t.record.Taken {
		if k.Twice {
			names = append(names, k.Name)
		}
	}
	return names
}

// left reports whether a disconnect was killed that may have written the file: it had
// begun, and there is no entry any more.
func (t *target) left() bool { return t.record.Left != "" && !t.connected() }

// missing are the servers that connect has taken out and that are not in the file.
func (t *target) missing() (names []string) {
	for _, k := range t.record.Taken {
		if !t.client.Has(t.path, t.now, k.Name) {
			names = append(names, k.Name)
		}
	}
	return names
}

// returned are the servers that connect has taken out, that are not in the file, and that
// after has.
func (t *target) returned(after []byte) (names []string) {
	for _, name := range t.missing() {
		if t.client.Has(t.path, after, name) {
			names = append(names, name)
		}
	}
	return names
}

// taken are the servers to put back: none that somebody else may have removed since a
// connect was killed before it wrote the file, or a disconnect after.
func (t *target) taken() []clients.Taken {
	switch {
	case t.left():
		return nil
	case t.wrote():
		return t.record.Taken
	}
	return slices.DeleteFunc(slices.Clone(t.record.Taken), func(k clients.Taken) bool { return slices.Contains(t.record.Fresh, k.Name) })
}

// withoutUs is the file as it would be without gatehouse. lost are servers that cannot be
// put back.
func (t *target) withoutUs() (before []byte, lost []string) {
	if !t.connected() {
		return t.now, nil
	}
	return t.disconnected()
}

// disconnected is the file as it was; if somebody has changed it, without our
// entry and with what was taken out. lost are servers that cannot be put back.
func (t *target) disconnected() (after []byte, lost []string) {
	if t.untouched() {
		if !t.record.Existed {
			return nil, nil
		}
		if before, err := safefile.ReadOwn(t.backupPath(), clients.MaxFileBytes); err == nil {
			return before, nil
		}
	}
	return t.client.Disconnect(t.path, t.now, t.taken())
}

// placeOfCopy names the copy of a file that was like before: the one of this connection,
// unless that has what before may lack, or is one that somebody was told to keep.
func (t *target) placeOfCopy(before []byte, lost []string) string {
	ours := t.record.Existed && len(lost) == 0 && t.needless(before)
	there, err := safefile.ReadOwn(t.backupPath(), clients.MaxFileBytes)
	if ours || errors.Is(err, fs.ErrNotExist) || err == nil && bytes.Equal(there, before) {
		return t.record.Copy
	}
	for n := 2; ; n++ {
		if name := fmt.Sprintf("%s-%d.backup", t.client.ID, n); !exists(filepath.Join(connectionsFolder(), name)) {
			return name
		}
	}
}

// otherCopies are the copies of the file that are not of this connection.
func (t *target) otherCopies() []string {
	first := safefile.Glob(connectionsFolder(), t.client.ID+".backup")
	more := safefile.Glob(connectionsFolder(), t.client.ID+"-[0-9]*.backup")
	return slices.DeleteFunc(append(first, more...), func(path string) bool { return t.record.Existed && path == t.backupPath() })
}

// step is one change to one file, which is made whole or not at all.
type step func() error

func runSteps(steps []step) error {
	for _, s := range steps {
		if err := s(); err != nil {
			return err
		}
	}
	return nil
}

// connect returns the steps that keep what the file was, and write it. After any of
// them the program may be killed: connect and disconnect then do what they would have
// done before or after.
func (t *target) connect(after, before []byte, taken []clients.Taken, place string) []step {
	existed := t.existed && (t.record.Existed || !t.untouched())
	done := connection{File: t.path, Existed: existed, After: hashOf(after), Taken: taken, Copy: place}
	if existed {
		done.Before = hashOf(before)
	}
	begun := done
	begun.Writing, begun.Entered = true, t.connected()
	if begun.Entered {
		begun.Taken = joined(taken, t.record.Taken)
		if t.untouched() {
			begun.Earlier = hashOf(t.now)
		}
	}
	for _, k := range begun.Taken {
		if t.client.Has(t.path, t.now, k.Name) {
			begun.Fresh = append(begun.Fresh, k.Name)
		}
	}
	steps := []step{func() error { return t.begin(begun) }}
	if existed {
		steps = append(steps, func() error { return safefile.WriteOwn(t.backupPath(), before) })
	}
	if !bytes.Equal(after, t.now) {
		steps = append(steps, func() error { return t.write(after) })
	}
	return append(steps, func() error { return t.keep(done) })
}

// joined is taken, and what was taken earlier under other names.
func joined(taken, earlier []clients.Taken) []clients.Taken {
	all := slices.Clone(taken)
	for _, e := range earlier {
		if !slices.ContainsFunc(taken, func(t clients.Taken) bool { return t.Name == e.Name }) {
			all = append(all, e)
		}
	}
	return all
}

// begin keeps what is about to be done, if the file is still what was read. The record is:
// see oneByOne.
func (t *target) begin(c connection) error {
	if err := t.unchanged(); err != nil {
		return err
	}
	return t.keep(c)
}

// keep writes the record.
func (t *target) keep(c connection) error {
	if c.Taken == nil {
		c.Taken = []clients.Taken{}
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("internal: cannot write the record: %w", err)
	}
	if err := safefile.WriteOwn(t.recordPath(), text); err != nil {
		return err
	}
	t.record = c
	return nil
}

// write replaces the file, if it is still what was read.
func (t *target) write(after []byte) error {
	if err := t.unchanged(); err != nil {
		return err
	}
	return safefile.Rewrite(t.path, after)
}

// remove removes the file, if it is still what was read.
func (t *target) remove() error {
	if err := t.unchanged(); err != nil {
		return err
	}
	return removed(t.path)
}

// unchanged returns an error if the file is not what was read.
func (t *target) unchanged() error {
	now, err := optional(safefile.Read(t.path, clients.MaxFileBytes))
	if err != nil {
		return err
	}
	if (now != nil) != t.existed || !bytes.Equal(now, t.now) {
		return fmt.Errorf("somebody has changed %s meanwhile: nothing is written; try again", t.path)
	}
	return nil
}

// disconnect returns the steps that write the file without the gateway, and forget the
// connection, but for the copy of the file if keep is set. The record goes last, so that
// whoever is killed can begin again.
func (t *target) disconnect(after []byte, keep bool) []step {
	var steps []step
	switch {
	case after == nil && t.existed && t.untouched() && !t.record.Existed:
		steps = append(steps, t.remove)
	case !bytes.Equal(after, t.now):
		begun := t.record
		begun.File, begun.Left = t.path, hashOf(after)
		steps = append(steps, func() error { return t.begin(begun) }, func() error { return t.write(after) })
	}
	if !keep && t.record.Existed { // Otherwise it is of an earlier connection.
		steps = append(steps, func() error { return removed(t.backupPath()) })
	}
	return append(steps, func() error { return removed(t.recordPath()) })
}

// removed removes a file that need not be there.
func removed(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", path, reasonOf(err))
	}
	return nil
}

// show writes what would change, without what may be secret.
func (t *target) show(out io.Writer, after []byte) {
	fmt.Fprintf(out, "--- %s\n+++ %s\n", line(t.path), line(t.path))
	shown, known := adopt.Hidden(t.client, t.path, t.now, after)
	for _, l := range difference(shownLines(t.now, shown[0]), shownLines(after, shown[1])) {
		fmt.Fprintln(out, line(redact.MaskKnown(known.String(l))))
	}
}
