package serversfile

import (
	"unicode"
	"unicode/utf8"
)

// maxName is the longest name of a server, in bytes.
const maxName = 128

// badName says why name cannot be the name of a server, "" if it can: names are
// 1 to 128 bytes of printable UTF-8 without "*", "?", "[" and "]".
func badName(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case len(name) > maxName:
		return "must not be longer than 128 bytes"
	case !utf8.ValidString(name):
		return "must be valid UTF-8"
	}
	for _, c := range name {
		switch {
		case c == '*' || c == '?' || c == '[' || c == ']':
			return "must not contain * ? [ or ]"
		case !unicode.IsPrint(c):
			return "must hold printable characters only"
		}
	}
	return ""
}
