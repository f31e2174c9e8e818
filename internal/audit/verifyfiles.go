package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxLine is more than any line of the log has, in bytes.
	maxLine = 1 << 20
	// settleWait is how long a line that is just being written may take.
	settleWait = 200 * time.Millisecond
)

// Rotated lists the log at path and its rotated files, oldest first. It reads the folder.
func Rotated(path string) ([]string, error) {
	numbers, err := rotatedNumbers(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, n := range numbers {
		names = append(names, rotatedName(path, n))
	}
	return append(names, path), nil
}

// rotatedNumber returns which rotated file of a log a name is.
func rotatedNumber(name, log string) (int, bool) {
	digits, ok := strings.CutPrefix(name, log+".")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n > 0 && strconv.Itoa(n) == digits
}

// VerifyFiles looks at files, oldest first. It may be done while a gateway
// writes to the last of them. The error says which file cannot be read; what is
// wrong in the files is a Finding and not an error. It blocks while it reads.
func (v *Verifier) VerifyFiles(paths []string) error {
	v.expect(paths)
	files, err := openAll(paths)
	defer func() {
		for _, f := range files {
			_ = f.Close() // It was only read.
		}
	}()
	if err != nil {
		return err
	}
	for _, f := range files {
		v.summary.Files++
		if err := v.read(f); err != nil {
			return fmt.Errorf("cannot read %s: %w", f.Name(), err)
		}
	}
	v.ended()
	return nil
}

// openAll opens the newest file first, so that a rotation meanwhile makes a
// file come twice rather than not at all; the same file is kept only once.
func openAll(paths []string) (files []*os.File, err error) {
	var infos []os.FileInfo
	for _, path := range slices.Backward(paths) {
		f, err := os.OpenFile(path, os.O_RDONLY|nonblocking, 0)
		if err != nil {
			return files, fmt.Errorf("cannot read %s: %w", path, withoutPath(path, err))
		}
		files = append(files, f)
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("it is not a regular file")
		}
		if err != nil {
			return files, fmt.Errorf("cannot read %s: %w", path, err)
		}
		if slices.ContainsFunc(infos, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			files = files[:len(files)-1]
			_ = f.Close() // It was only looked at.
			continue
		}
		infos = append(infos, info)
	}
	slices.Reverse(files)
	return files, nil
}

// read looks at every line of a file.
func (v *Verifier) read(f *os.File) error {
	r := bufio.NewReaderSize(f, 64<<10)
	waited := false
	var text []byte
	long := false
	for number := 1; ; {
		part, err := r.ReadSlice('\n')
		if long = long || len(text)+len(part) > maxLine; !long {
			text = append(text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(text) > 0 || long) && !waited:
			waited = true // A gateway may be writing it just now.
			time.Sleep(settleWait)
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return err //nolint:wrapcheck // The caller names the file.
		case err != nil && len(text) == 0 && !long:
			return nil
		}
		if long {
			text = []byte("?")
		}
		v.line(f.Name(), number, text, err == nil)
		if err != nil {
			return nil //nolint:nilerr // It is the end of the file.
		}
		number++
		text, long = text[:0], false
	}
}
