package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// addRandom adds the library that has a Go program's random numbers, which wine 8.0
// does not have. The one that is made is not a program: its only function,
// ProcessPrng, is another name for SystemFunction036 (RtlGenRandom) of advapi32.dll.
func addRandom(dir string) error {
	path := filepath.Join(dir, "bcryptprimitives.dll")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, forwarder("bcryptprimitives.dll", "ProcessPrng", "advapi32.SystemFunction036"), 0o600)
}

// The layout of the library: headers in the file's first part and its one section in
// the second.
const (
	fileAlign    = 0x200
	sectionAlign = 0x1000
)

// forwarder is a library for amd64 with one function that another library has.
func forwarder(library, function, target string) []byte {
	section := exports(library, function, target)
	size := uint32(len(section))
	var b bytes.Buffer
	b.WriteString("MZ")
	pad(&b, 60)
	put(&b, uint32(64))
	b.WriteString("PE\x00\x00")
	// The machine (amd64), one section, no symbols, the size of what follows, and that
	// it is a library.
	put(&b, uint16(0x8664), uint16(1), [3]uint32{}, uint16(240), uint16(0x2022))
	put(&b, uint16(0x20b), uint16(0), [3]uint32{0, fileAlign, 0}, uint32(0), uint32(sectionAlign))
	put(&b, uint64(0x180000000), uint32(sectionAlign), uint32(fileAlign), [6]uint16{6, 0, 0, 0, 6, 0}, uint32(0))
	// The sizes of the whole and of the headers, the console as its home, and that it
	// may be moved.
	put(&b, uint32(2*sectionAlign), uint32(fileAlign), uint32(0), uint16(3), uint16(0x100))
	put(&b, [4]uint64{1 << 20, 1 << 12, 1 << 20, 1 << 12}, uint32(0), uint32(16))
	put(&b, uint32(sectionAlign), size, [15]uint64{}) // Of sixteen tables the first, exports.
	b.WriteString(".edata\x00\x00")
	put(&b, size, uint32(sectionAlign), uint32(fileAlign), uint32(fileAlign), [3]uint32{}, uint32(0x40000040))
	pad(&b, fileAlign)
	b.Write(section)
	pad(&b, 2*fileAlign)
	return b.Bytes()
}

// exports is the table of the library's one function, and its texts.
func exports(library, function, target string) []byte {
	const directory = 40
	functions := uint32(sectionAlign + directory)
	names, ordinals, texts := functions+4, functions+8, functions+12
	functionText := texts + uint32(len(library)) + 1
	targetText := functionText + uint32(len(function)) + 1
	var b bytes.Buffer
	put(&b, [3]uint32{}, texts, [3]uint32{1, 1, 1}, functions, names, ordinals)
	put(&b, targetText, functionText, uint32(0))
	fmt.Fprintf(&b, "%s\x00%s\x00%s\x00", library, function, target)
	return b.Bytes()
}

func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		_ = binary.Write(b, binary.LittleEndian, v) // A buffer takes all.
	}
}

// pad fills b with zeros up to a size.
func pad(b *bytes.Buffer, size int) { b.Write(make([]byte, size-b.Len())) }
