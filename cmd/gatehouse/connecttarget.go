package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	secrets *redact.Redactor
}

// connection is what is kept of a connection until it ends.
type connection struct {
	File string `json:"file"`
	// Existed is set if the file was there before.
	Existed bool `json:"existed"`
	// After is the SHA-256 of what connect has written.
	After string          `json:"after"`
	Taken []clients.Taken `json:"taken"`
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
	return filepath.Join(connectionsFolder(), t.client.ID+".backup")
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
	return nil
}

// untouched reports whether the file is as connect has left it.
func (t *target) untouched() bool { return t.record.After != "" && t.record.After == hashOf(t.now) }

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (t *target) connected() bool {
	return t.existed && (t.untouched() || t.client.Connected(t.path, t.now))
}

// withoutUs is the file as it would be without gatehouse.
func (t *target) withoutUs() []byte {
	if !t.connected() {
		return t.now
	}
	after, _ := t.disconnected()
	return after
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
	return t.client.Disconnect(t.path, t.now, t.record.Taken)
}

// connect keeps what the file was, and writes it.
func (t *target) connect(after, before []byte, taken []clients.Taken) error {
	existed := t.existed && (t.record.Existed || !t.untouched())
	if taken == nil {
		taken = []clients.Taken{}
	}
	text, err := json.MarshalIndent(connection{File: t.path, Existed: existed, After: hashOf(after), Taken: taken}, "", "  ")
	if err != nil {
		return fmt.Errorf("internal: cannot write the record: %w", err)
	}
	if existed {
		if err := safefile.WriteOwn(t.backupPath(), before); err != nil {
			return err
		}
	}
	if err := safefile.WriteOwn(t.recordPath(), text); err != nil {
		return err
	}
	return t.write(after)
}

// write replaces the file, if it is still what was read.
func (t *target) write(after []byte) error {
	now, err := optional(safefile.Read(t.path, clients.MaxFileBytes))
	if err != nil {
		return err
	}
	if (now != nil) != t.existed || !bytes.Equal(now, t.now) {
		return fmt.Errorf("somebody has changed %s meanwhile: nothing is written; try again", t.path)
	}
	return safefile.Rewrite(t.path, after)
}

// disconnect writes the file without the gateway. What it was before is kept while servers
// are missing from what is written.
func (t *target) disconnect(after []byte, lost bool) error {
	if after == nil && t.untouched() && !t.record.Existed {
		if err := os.Remove(t.path); err != nil {
			return err
		}
	} else if err := t.write(after); err != nil {
		return err
	}
	rest := []string{t.recordPath(), t.backupPath()}
	if lost {
		rest = rest[:1]
	}
	for _, path := range rest {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// show writes what would change.
func (t *target) show(out io.Writer, after []byte) {
	fmt.Fprintf(out, "--- %s\n+++ %s\n", line(t.path), line(t.path))
	for _, l := range difference(string(t.now), string(after)) {
		fmt.Fprintln(out, line(redact.MaskKnown(t.secrets.String(l))))
	}
}
