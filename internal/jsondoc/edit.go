package jsondoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tailscale/hujson"

	"gatehouse/internal/rawjson"
)

// Set returns a copy of src in which the object at path has the member key with
// this value, which is JSON. Missing objects on the way are made. Nothing else
// changes: not a comment, not the order, not a line end. An empty src counts as
// an empty object. It returns an error if src is not JSON as Parse reads it, or
// if something on the path is not an object, or if the key is not valid UTF-8.
func Set(src []byte, path []string, key string, value json.RawMessage) ([]byte, error) {
	if !utf8.ValidString(key) { // JSON cannot have it: another name would be written.
		return nil, fmt.Errorf("the name %q is not valid UTF-8", key)
	}
	e, err := newEditor(src)
	if err != nil {
		return nil, err
	}
	at, missing, err := e.find(path)
	if err != nil {
		return nil, err
	}
	object, ok := at.Value.(*hujson.Object)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", pathOf(path))
	}
	slices.Reverse(missing)
	for _, name := range missing {
		value, key = member(key, value), name
	}
	if i := indexOf(object, key); i >= 0 {
		old := object.Members[i].Value
		return e.replace(old.StartOffset, old.EndOffset, e.indented(value, e.lineIndent(old.StartOffset))), nil
	}
	return e.insert(at, len(object.Members), quoted(key), value), nil
}

// Append returns a copy of src in which the array at path, made if it is missing,
// has one more element, as Set does.
func Append(src []byte, path []string, element json.RawMessage) ([]byte, error) {
	e, err := newEditor(src)
	if err != nil {
		return nil, err
	}
	at, missing, err := e.find(path)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return Set(src, path[:len(path)-1], path[len(path)-1], json.RawMessage("["+string(element)+"]"))
	}
	array, ok := at.Value.(*hujson.Array)
	if !ok {
		return nil, fmt.Errorf("%s is not an array", pathOf(path))
	}
	return e.insert(at, len(array.Elements), "", element), nil
}

// Remove returns a copy of src without the member key of the object at path, and
// what it was: the value as it is written. It reports false if there is none. If a key
// of the path, or that itself, is there more than once, it removes the first it finds.
func Remove(src []byte, path []string, key string) (changed []byte, value json.RawMessage, found bool) {
	e, err := newEditor(src)
	if err != nil {
		return src, nil, false
	}
	for _, at := range valuesAt(&e.root, path) {
		object, ok := at.Value.(*hujson.Object)
		if !ok {
			continue
		}
		if i := indexOf(object, key); i >= 0 {
			old := object.Members[i].Value
			value = slices.Clone(e.text[old.StartOffset:old.EndOffset])
			return e.without(object, i), value, true
		}
	}
	return src, nil, false
}

// editor changes a text at offsets that a parser has found.
type editor struct {
	mark    []byte // a byte order mark
	text    []byte
	root    hujson.Value
	newline string
}

func newEditor(src []byte) (*editor, error) {
	e := &editor{text: withoutBOM(src), newline: "\n"}
	e.mark = src[:len(src)-len(e.text)]
	if len(bytes.TrimSpace(e.text)) == 0 {
		e.text = []byte("{}\n")
	}
	if bytes.Contains(e.text, []byte("\r\n")) {
		e.newline = "\r\n"
	}
	r := NewReport("")
	if text, ok := readText(r, e.text, MaxForeignBytes); !ok || tooDeep(text.Bytes) >= 0 {
		return nil, errors.New("it is too large, too deep, or not UTF-8")
	}
	root, wrong := parseHuJSON(e.text)
	if wrong != nil {
		return nil, errors.New(wrong.reason)
	}
	e.root = root
	return e, nil
}

// find follows a path as far as there is something; missing is the rest of it.
func (e *editor) find(path []string) (at *hujson.Value, missing []string, err error) {
	at = &e.root
	for i, name := range path {
		object, ok := at.Value.(*hujson.Object)
		if !ok {
			return nil, nil, fmt.Errorf("%s is not an object", pathOf(path[:i]))
		}
		next := indexOf(object, name)
		if next < 0 {
			return at, slices.Clone(path[i:]), nil
		}
		at = &object.Members[next].Value
	}
	return at, nil, nil
}

// valuesAt are the values at a path: more than one if a key of it is there again.
func valuesAt(at *hujson.Value, path []string) (values []*hujson.Value) {
	if len(path) == 0 {
		return []*hujson.Value{at}
	}
	object, ok := at.Value.(*hujson.Object)
	if !ok {
		return nil
	}
	for i := range object.Members {
		if named(object.Members[i], path[0]) {
			values = append(values, valuesAt(&object.Members[i].Value, path[1:])...)
		}
	}
	return values
}

func pathOf(path []string) string {
	text := ""
	for _, name := range path {
		text = KeyPath(text, name)
	}
	if text == "" {
		return "the file"
	}
	return text
}

func indexOf(o *hujson.Object, key string) int {
	return slices.IndexFunc(o.Members, func(m hujson.ObjectMember) bool { return named(m, key) })
}

func named(m hujson.ObjectMember, key string) bool {
	name, ok := m.Name.Value.(hujson.Literal)
	return ok && literalText(name) == key
}

// insert adds what comes last in an object or an array that has so many members.
func (e *editor) insert(in *hujson.Value, members int, key string, value json.RawMessage) []byte {
	open, shut := in.StartOffset, in.EndOffset-1
	outer := e.lineIndent(open)
	if members == 0 {
		inner := outer + e.unit()
		added := e.newline + inner + key + e.indented(value, inner)
		if !bytes.Contains(e.text[open:shut], []byte("\n")) {
			added += e.newline + outer
		}
		return e.replace(open+1, open+1, added)
	}
	first, last, comma := bounds(in)
	if !bytes.Contains(e.text[open:last], []byte("\n")) { // All in one line, as what is added will be.
		return e.replace(last, last, ", "+key+compact(value))
	}
	inner := e.lineIndent(first)
	text := e.newline + inner + key + e.indented(value, inner)
	at := shut - trailingSpace(e.text[last:shut])
	if comma >= 0 {
		return e.replace(at, at, text+",")
	}
	changed := e.replace(at, at, text)
	return slices.Insert(changed, len(e.mark)+last, ',')
}

// bounds are where the first member begins and the last one ends, and where the
// comma behind that is; -1 if there is none.
func bounds(in *hujson.Value) (first, last, comma int) {
	var final hujson.Value
	switch v := in.Value.(type) {
	case *hujson.Object:
		first, final = v.Members[0].Name.StartOffset, v.Members[len(v.Members)-1].Value
	case *hujson.Array:
		first, final = v.Elements[0].StartOffset, v.Elements[len(v.Elements)-1]
	}
	comma = -1
	if final.AfterExtra != nil {
		comma = final.EndOffset + len(final.AfterExtra)
	}
	return first, final.EndOffset, comma
}

// trailingSpace is the length of the white space at the end of a text.
func trailingSpace(text []byte) int { return len(text) - len(bytes.TrimRight(text, " \t\r\n")) }

// without cuts one member out, with its line if it has one of its own.
func (e *editor) without(o *hujson.Object, i int) []byte {
	name, value := o.Members[i].Name, o.Members[i].Value
	from, to := name.StartOffset, value.EndOffset
	last := i == len(o.Members)-1
	comma := value.EndOffset + len(value.AfterExtra)
	if !last || value.AfterExtra != nil {
		to = comma + 1
	}
	lineBegin := bytes.LastIndexByte(e.text[:from], '\n') + 1
	alone := len(bytes.TrimSpace(e.text[lineBegin:from])) == 0
	rest := e.text[to:]
	end := bytes.IndexByte(rest, '\n')
	switch {
	case alone && end >= 0 && len(bytes.TrimSpace(rest[:end])) == 0:
		from, to = lineBegin, to+end+1
	case !last: // The one behind it takes its place.
		to += len(rest) - len(bytes.TrimLeft(rest, " \t"))
	case i > 0:
		before := o.Members[i-1].Value
		from = before.EndOffset + len(before.AfterExtra) + 1
	}
	changed := e.replace(from, to, "")
	if last && i > 0 && value.AfterExtra == nil { // The comma before it has nothing behind it now.
		before := o.Members[i-1].Value
		at := len(e.mark) + before.EndOffset + len(before.AfterExtra)
		changed = slices.Delete(changed, at, at+1)
	}
	return changed
}

func (e *editor) replace(from, to int, with string) []byte {
	return slices.Concat(e.mark, e.text[:from], []byte(with), e.text[to:])
}

// lineIndent is the white space that the line at an offset begins with.
func (e *editor) lineIndent(at int) string {
	line := e.text[bytes.LastIndexByte(e.text[:at], '\n')+1:]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// unit is one step of the indentation of the file.
func (e *editor) unit() string {
	if o, ok := e.root.Value.(*hujson.Object); ok && len(o.Members) > 0 {
		if step := e.lineIndent(o.Members[0].Name.StartOffset); step != "" {
			return step
		}
	}
	return "  "
}

// indented lays a value out over lines, if it is an object of objects or lists, and
// else in one line.
func (e *editor) indented(value json.RawMessage, indent string) string {
	if bytes.Contains(value, []byte("\n")) {
		return string(value) // As somebody has written it.
	}
	trimmed := bytes.TrimSpace(value)
	if len(trimmed) == 0 || trimmed[0] != '{' || len(trimmed) < 3 {
		return compact(value)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, trimmed, indent, e.unit()); err != nil {
		return string(value)
	}
	return strings.ReplaceAll(shortLists(b.String()), "\n", e.newline)
}

// shortLists puts lists of scalars back into one line each.
func shortLists(text string) string {
	var b strings.Builder
	for {
		open := listStart(text)
		if open < 0 {
			b.WriteString(text)
			return b.String()
		}
		shut := listEnd(text[open:])
		b.WriteString(text[:open+1])
		var parts []string
		for line := range strings.Lines(text[open+1 : open+shut]) {
			parts = append(parts, strings.TrimSpace(line))
		}
		b.WriteString(strings.TrimSpace(strings.Join(parts, " ")) + "]")
		text = text[open+shut+1:]
	}
}

// listStart is where a list begins that is spread over lines, as json.Indent
// leaves it: nothing follows its bracket. -1 if there is none.
func listStart(text string) int {
	for at := 0; ; {
		i := strings.Index(text[at:], "[\n")
		if i < 0 {
			return -1
		}
		if end := listEnd(text[at+i:]); end > 0 {
			return at + i
		}
		at += i + 1
	}
}

// listEnd is the offset of the bracket that ends a list of scalars; -1 if it has
// objects or lists in it.
func listEnd(text string) int {
	at := 0
	for line := range strings.Lines(text) {
		start := strings.TrimSpace(line)
		if at > 0 && (strings.HasPrefix(start, "{") || strings.HasPrefix(start, "[")) {
			return -1
		}
		if at > 0 && strings.HasPrefix(start, "]") {
			return at + strings.IndexByte(line, ']')
		}
		at += len(line)
	}
	return -1
}

func compact(value json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return string(value)
	}
	return spaced(b.String())
}

// spaced puts a blank behind the commas and colons of compact JSON, as people
// write it.
func spaced(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '"' {
			end := skipString([]byte(text), i)
			b.WriteString(text[i : end+1])
			i = end
			continue
		}
		b.WriteByte(text[i])
		if text[i] == ',' || text[i] == ':' {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func quoted(key string) string { return literal(key) + ": " }

func member(key string, value json.RawMessage) json.RawMessage {
	return json.RawMessage("{" + literal(key) + ":" + string(value) + "}")
}

// literal writes a text as JSON, without the escapes that only HTML needs.
func literal(text string) string { return string(rawjson.AppendString(nil, text)) }
