package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
)

// linkHash is the hash of one line, without its end, as the next one names it.
type linkHash [sha256.Size]byte

// noLine is what the very first line names.
var noLine linkHash

// sealKey is before the hash in a line, sealSize how much a line grows by it.
const (
	sealKey  = `,"prev":"`
	sealSize = len(sealKey) + 2*sha256.Size + len(`"`)
)

func hashOf(line []byte) linkHash { return sha256.Sum256(bytes.TrimRight(line, "\r\n")) }

func (h linkHash) String() string { return hex.EncodeToString(h[:]) }

func parseLink(s string) (h linkHash, ok bool) {
	n, err := hex.Decode(h[:], []byte(s[:min(len(s), 2*len(h))]))
	return h, err == nil && n == len(h) && len(s) == 2*len(h)
}

// seal writes into each line of the batch the hash of the one before it, and
// appends the lines to dst. It notes their hashes, and where they end now.
func (b *batch) seal(dst []byte, prev linkHash) []byte {
	b.chain = b.chain[:0]
	plain, start := b.buf.Bytes(), 0
	for i := range b.lines {
		body := plain[start : b.lines[i].end-len("}\n")]
		start = b.lines[i].end
		from := len(dst)
		dst = append(append(dst, body...), sealKey...)
		dst = hex.AppendEncode(dst, prev[:])
		prev = sha256.Sum256(append(dst, `"}`...)[from:])
		dst = append(dst, "\"}\n"...)
		b.lines[i].sealed = len(dst)
		b.chain = append(b.chain, prev)
	}
	return dst
}

// sealedSize is how many bytes the batch has once it is sealed.
func (b *batch) sealedSize() int { return b.buf.Len() + len(b.lines)*sealSize }

// last returns the hash of the last line that ends within the first n bytes.
func (b *batch) last(n int) (h linkHash, ok bool) {
	for i, line := range b.lines {
		if line.sealed > n {
			break
		}
		h, ok = b.chain[i], true
	}
	return h, ok
}

// Where the last line is looked for, in bytes from the end of a file.
const (
	tailStep = 4 << 10
	tailMost = 4 << 20
)

// lastLine returns the hash of the last whole line of a file; ok is false if it
// has none.
func lastLine(f io.ReaderAt, size int64) (h linkHash, ok bool, err error) {
	for want := int64(tailStep); ; want *= 4 {
		lines, whole, err := tail(f, size, want)
		if err != nil {
			return h, false, err
		}
		if len(lines) > 0 && (whole || len(lines) > 1) {
			return hashOf(lines[len(lines)-1]), true, nil
		}
		if whole || want >= tailMost {
			return h, false, nil
		}
	}
}

// tail returns the whole lines among the last bytes of a file, without empty ones. The
// first of them may have lost its beginning, unless all of the file was read.
func tail(f io.ReaderAt, size, want int64) (lines [][]byte, whole bool, err error) {
	want = min(want, size)
	buf := make([]byte, want)
	if _, err := f.ReadAt(buf, size-want); err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err //nolint:wrapcheck // Its caller says what is read.
	}
	for line := range bytes.Lines(buf) {
		if bytes.HasSuffix(line, []byte("\n")) && len(bytes.TrimSpace(line)) > 0 {
			lines = append(lines, line)
		}
	}
	return lines, want == size, nil
}

// followed returns the hash of the last line if a line with the hash h is among
// the last ones, and each behind it names the one before: they were written by
// somebody who could not say so.
func followed(f io.ReaderAt, size int64, h linkHash) (last linkHash, ok bool) {
	lines, _, err := tail(f, size, tailMost)
	if err != nil {
		return h, false
	}
	for _, line := range lines {
		sum := hashOf(line)
		switch {
		case ok && !names(line, last):
			return h, false
		case ok || sum == h:
			last, ok = sum, true
		}
	}
	return last, ok
}

// names reports whether a line names another one as the one before it.
func names(line []byte, before linkHash) bool {
	want := sealKey + before.String() + `"}`
	return bytes.HasSuffix(bytes.TrimRight(line, "\r\n"), []byte(want))
}

// readState reads the hash of the last line from the lock's file.
func readState(f io.ReaderAt) (h linkHash, ok bool) {
	text := make([]byte, 2*sha256.Size)
	if _, err := f.ReadAt(text, 0); err != nil {
		return h, false
	}
	return parseLink(string(text))
}

// writeState keeps the hash of the last line in the lock's file, so that
// somebody sees it if the end of the log is cut off. If it fails, the file says less
// than it could, and what it says is still right.
func writeState(f *os.File, h linkHash) { _, _ = f.WriteAt([]byte(h.String()+"\n"), 0) }
