package serversfile

import (
	"unicode"
	"unicode/utf8"
)

// MaxServerName is the longest name of a server, in bytes.
const MaxName = 128

// ValidServerName says whether name can be the name of a server: 1 to 128
// bytes of printable UTF-8 without "*", "?", "[" and "]".
func ValidName(name string) bool { return badName(name) == "" }

func badName(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case len(name) > MaxName:
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
