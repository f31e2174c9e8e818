package tracing

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/textcut"
)

// The fields of a span in OTLP, and of what is in it.
const (
	fieldSpans = 2 // in a ScopeSpans

	fieldTrace      = 1
	fieldID         = 2
	fieldState      = 3
	fieldParent     = 4
	fieldName       = 5
	fieldKind       = 6
	fieldStart      = 7
	fieldEnd        = 8
	fieldAttributes = 9
	fieldDropped    = 10
	fieldStatus     = 15

	fieldKey     = 1 // of an attribute
	fieldValue   = 2
	fieldText    = 1 // of a value
	fieldInteger = 3

	fieldMessage = 2 // of a status
	fieldCode    = 3
)

// tagFlags is the tag of the flags, field 16.
var tagFlags = binary.AppendUvarint(nil, 16<<3|fixed32)

// The kinds of spans, and the one status that is written.
const (
	kindInternal = 1
	kindServer   = 2
	kindClient   = 3
	statusError  = 2
)

// The flags of spans: all are sampled, and it is known whether the parent is in
// another program.
const (
	flagsLocal  = 0x101
	flagsRemote = 0x301
)

// maxText is the length in bytes at which a text is cut: most come from agents.
const maxText = 256

// record is a span that is being written, in the encoding in which it is sent:
// nothing but bytes waits for the collector. Its fields may come in any order.
type record struct {
	b          []byte // the spans before it, too
	at         int    // where it begins
	limits     *limits
	attributes int
	dropped    int
}

// begin begins a span behind those in b.
func (r *record) begin(b []byte, trace [16]byte, id [8]byte, start int64) {
	r.b, r.at = open(b, fieldSpans)
	r.attributes, r.dropped = 0, 0
	r.b = appendBytes(r.b, fieldTrace, trace[:])
	r.b = appendBytes(r.b, fieldID, id[:])
	r.b = appendFixed64(r.b, fieldStart, uint64(start)) //nolint:gosec // It is after 1970.
}

// under says which span it is under; remote is one of another program.
func (r *record) under(id [8]byte, remote bool) {
	flags := uint32(flagsLocal)
	if remote {
		flags = flagsRemote
	}
	if id != [8]byte{} {
		r.b = appendBytes(r.b, fieldParent, id[:])
	}
	r.b = binary.LittleEndian.AppendUint32(append(r.b, tagFlags...), flags)
}

func (r *record) named(name string, kind byte) {
	r.b = appendBytes(r.b, fieldName, name)
	r.b = append(r.b, tag(fieldKind, varint), kind)
}

func (r *record) state(state string) {
	if state != "" {
		r.b = appendBytes(r.b, fieldState, state)
	}
}

// text adds an attribute, cut to the limits; "" is none.
func (r *record) text(key, value string) {
	if value == "" || r.full() {
		return
	}
	value = r.short(value)
	size := sizeOf(len(value))
	r.b = append(r.b, tag(fieldAttributes, bytes))
	r.b = binary.AppendUvarint(r.b, uint64(sizeOf(len(key))+sizeOf(size))) //nolint:gosec // It is a size.
	r.b = appendBytes(r.b, fieldKey, key)
	r.b = binary.AppendUvarint(append(r.b, tag(fieldValue, bytes)), uint64(size)) //nolint:gosec // Likewise.
	r.b = appendBytes(r.b, fieldText, value)
}

// integer adds an attribute that is a number.
func (r *record) integer(key string, value uint64) {
	if r.full() {
		return
	}
	var number [binary.MaxVarintLen64 + 1]byte
	n := binary.AppendUvarint(append(number[:0], tag(fieldInteger, varint)), value)
	r.b = append(r.b, tag(fieldAttributes, bytes))
	r.b = binary.AppendUvarint(r.b, uint64(sizeOf(len(key))+sizeOf(len(n)))) //nolint:gosec // Likewise.
	r.b = appendBytes(r.b, fieldKey, key)
	r.b = appendBytes(r.b, fieldValue, n)
}

// full reports whether the span may have no further attribute, and counts.
func (r *record) full() bool {
	if r.attributes >= r.limits.attributes {
		r.dropped++
		return true
	}
	r.attributes++
	return false
}

// short is a text as it may be in a span.
func (r *record) short(text string) string {
	text = short(text)
	if r.limits.characters >= 0 && len(text) > r.limits.characters {
		end := 0
		for range r.limits.characters {
			if end == len(text) {
				break
			}
			_, size := utf8.DecodeRuneInString(text[end:])
			end += size
		}
		text = text[:end]
	}
	return text
}

// short is a text that is not too long, and is UTF-8.
func short(text string) string {
	return strings.ToValidUTF8(text[:textcut.End(text, maxText)], "\uFFFD")
}

// failed marks the span with the code of what went wrong.
func (r *record) failed(code string) {
	r.text(keyError, code)
	var at int
	r.b, at = open(r.b, fieldStatus)
	r.b = appendBytes(r.b, fieldMessage, code)
	r.b = shut(append(r.b, tag(fieldCode, varint), statusError), at)
}

// end ends the span, and returns it with those before it.
func (r *record) end(at int64) []byte {
	if r.dropped > 0 {
		r.b = binary.AppendUvarint(append(r.b, tag(fieldDropped, varint)), uint64(r.dropped))
	}
	return shut(appendFixed64(r.b, fieldEnd, uint64(at)), r.at) //nolint:gosec // It is after 1970.
}
