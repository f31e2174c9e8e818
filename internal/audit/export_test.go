package audit

import (
	"bytes"
	"time"
)

// File is what the log needs of an open file.
type File = osFile

// OpenWith is Open with an opener of the test's own.
func OpenWith(path string, o Options, open func(path string) (File, error)) (*Log, error) {
	o.openFile = open
	return Open(path, o)
}

// OpenFile is the opener that Open uses.
func OpenFile(path string) (File, error) { return openFile(path) }

// EncodeBothWays encodes a record by hand and by reflection; an error counts as
// what it says.
func EncodeBothWays(r Record) (byHand, byReflection string) {
	encode := func(appendTo func(*bytes.Buffer) error) string {
		var b bytes.Buffer
		if err := appendTo(&b); err != nil {
			return err.Error()
		}
		return b.String()
	}
	return encode(func(b *bytes.Buffer) error { return appendRecord(b, r) }),
		encode(func(b *bytes.Buffer) error { return appendLine(b, r) })
}

// WithSpace is options by which a disk has so many bytes.
func WithSpace(o Options, space func(folder string) (free, total uint64, err error)) Options {
	o.space = space
	return o
}

// Patient is options by which a log waits longer than a busy machine stalls.
func Patient(o Options) Options {
	o.patience = patience{begin: time.Minute, lock: time.Minute, last: time.Minute}
	return o
}
