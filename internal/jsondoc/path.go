package jsondoc

import (
	"strconv"
	"strings"
)

// KeyPath appends a key to a path: agents.backend, or agents["a b"] when the
// key is not a plain word.
func KeyPath(path, key string) string {
	switch {
	case !PlainWord(key):
		return path + "[" + pathKey(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// IndexPath appends an index to a path: args[0].
func IndexPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// pathKey quotes a key for a path. Names that are valid are shown whole (they
// have at most 128 bytes); longer ones are cut.
func pathKey(key string) string {
	if len(key) <= 128 {
		return strconv.Quote(key)
	}
	return Quote(key)
}

// PlainWord reports whether s is 1 to 128 ASCII letters, digits, "_" and "-".
func PlainWord(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
}
