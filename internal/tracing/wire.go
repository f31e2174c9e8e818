package tracing

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// The types of a field in the encoding of Protocol Buffers.
const (
	varint  = 0
	fixed64 = 1
	bytes   = 2
	fixed32 = 5
)

// tag is what stands before a field with a number below 16.
func tag(field, kind byte) byte { return field<<3 | kind }

func appendBytes[T string | []byte](b []byte, field byte, value T) []byte {
	b = binary.AppendUvarint(append(b, tag(field, bytes)), uint64(len(value)))
	return append(b, value...)
}

func appendFixed64(b []byte, field byte, value uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(b, tag(field, fixed64)), value)
}

// sizeOf is how many bytes appendBytes takes for a value of that length.
func sizeOf(length int) int { return 1 + sizeOfVarint(length) + length }

func sizeOfVarint(n int) int { return (bits.Len(uint(n)|1) + 6) / 7 }

// usual is how many bytes the length of a span takes: it has 128 to 16,383.
const usual = 2

// open begins a field that holds a message, and returns where the message begins.
func open(b []byte, field byte) (more []byte, at int) {
	b = append(b, tag(field, bytes), 0, 0)
	return b, len(b)
}

// shut ends a message that begins there: it writes its length before it.
func shut(b []byte, at int) []byte {
	length := len(b) - at
	switch size := sizeOfVarint(length); {
	case size < usual:
		b = slices.Delete(b, at-usual+size, at)
	case size > usual:
		b = slices.Insert(b, at, make([]byte, size-usual)...)
	}
	binary.PutUvarint(b[at-usual:], uint64(length)) //nolint:gosec // It is a size.
	return b
}

// first returns the first of several fields that open has begun, and the others.
func first(b []byte) (one, rest []byte) {
	length, size := binary.Uvarint(b[1:])
	end := 1 + size + int(length) //nolint:gosec // It is ours.
	return b[:end], b[end:]
}
