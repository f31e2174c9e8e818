package rawjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// NameError is a member whose name another reader could take for another one's:
// it occurs twice, or it differs from a known name in nothing but letter case.
type NameError struct {
	// Name is as it was written; Known is how it has to be written, the same for
	// a name that occurs twice.
	Name, Known string
	// Offset is where the member's value begins, in bytes.
	Offset int
}

func (e *NameError) Error() string {
	if e.Name == e.Known {
		return fmt.Sprintf("the member %q occurs twice (again before byte %d): keep one of them", e.Known, e.Offset)
	}
	return fmt.Sprintf("the member %q (before byte %d) differs from %q in letter case only: write it as %q", e.Name, e.Offset, e.Known, e.Known)
}

// Misnamed returns a *NameError if an object has one of these members twice, or
// one whose name folds to theirs, as encoding/json folds it; else nil. It looks at the
// object's own members only.
func Misnamed(obj []byte, known ...string) error {
	var wrong *NameError
	seen := make([]bool, len(known))
	Each(obj, func(key []byte, start, _ int) {
		for i, name := range known {
			exact := string(key) == name
			if wrong == nil && (exact && seen[i] || !exact && bytes.EqualFold(key, []byte(name))) {
				wrong = &NameError{Name: string(key), Known: name, Offset: start}
			}
			seen[i] = seen[i] || exact
		}
	})
	if wrong == nil {
		return nil
	}
	return wrong
}

// Decode is json.Unmarshal with exact names: a member that is meant for a field
// and is written otherwise, or twice, is a *NameError, and so is a key of a map
// that occurs twice. encoding/json takes "Name" and "NAME" for "name", and of
// two the last. With an error, what into holds means nothing.
func Decode(src []byte, into any) error {
	if err := json.Unmarshal(src, into); err != nil {
		return err //nolint:wrapcheck // It stands in for json.Unmarshal.
	}
	return exact(src, 0, reflect.TypeOf(into))
}

var (
	ownJSON = reflect.TypeFor[json.Unmarshaler]()
	ownText = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// exact checks the names in the value that begins at an offset of the whole,
// against the type that it was decoded into.
func exact(value []byte, offset int, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if p := reflect.PointerTo(t); p.Implements(ownJSON) || p.Implements(ownText) {
		return nil // It reads itself.
	}
	switch t.Kind() { //nolint:exhaustive // The others have no names in them.
	case reflect.Struct:
		return exactMembers(value, offset, fieldsOf(t), nil)
	case reflect.Map:
		return exactMembers(value, offset, nil, t.Elem())
	case reflect.Slice, reflect.Array:
		return exactElements(value, offset, t.Elem())
	default:
		return nil
	}
}

// exactMembers checks an object that was decoded into a struct with these fields
// or, if elem is not nil, into a map of elem.
func exactMembers(obj []byte, offset int, fields map[string]reflect.Type, elem reflect.Type) (err error) {
	seen := map[string]bool{}
	Each(obj, func(key []byte, start, end int) {
		if err != nil {
			return
		}
		name := string(key)
		t, known := elem, name
		if elem == nil {
			if t, known = fieldOf(fields, name); t == nil {
				return
			}
		}
		if seen[known] || known != name {
			err = &NameError{Name: name, Known: known, Offset: offset + start}
			return
		}
		seen[known] = true
		err = exact(obj[start:end], offset+start, t)
	})
	return err
}

// fieldOf returns the type of the field that encoding/json would fill, and its
// exact name; nil if there is none.
func fieldOf(fields map[string]reflect.Type, name string) (t reflect.Type, known string) {
	if t, ok := fields[name]; ok {
		return t, name
	}
	for known, t := range fields {
		if strings.EqualFold(known, name) {
			return t, known
		}
	}
	return nil, name
}

func exactElements(list []byte, offset int, elem reflect.Type) error {
	i := Space(list, 0)
	if at(list, i) != '[' {
		return nil
	}
	for i = Space(list, i+1); i < len(list) && list[i] != ']'; {
		end := skipValue(list, i)
		if err := exact(list[i:end], offset+i, elem); err != nil {
			return err
		}
		if i = Space(list, end); at(list, i) == ',' {
			i = Space(list, i+1)
		}
	}
	return nil
}

var knownFields sync.Map // of reflect.Type: map[string]reflect.Type

// fieldsOf returns a struct's fields by the names that encoding/json gives them.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if known, ok := knownFields.Load(t); ok {
		return known.(map[string]reflect.Type) //nolint:forcetypeassert // Nothing else is stored.
	}
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields[name] = f.Type
	}
	knownFields.Store(t, fields)
	return fields
}
