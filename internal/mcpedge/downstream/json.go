package downstream

// maxDepth is how deep values may nest: the limit of encoding/json, so that
// what passes here can be decoded elsewhere.
const maxDepth = 10000

// valid tells whether b is exactly one JSON value.
func valid(b []byte) bool {
	i := skipValue(b, skipSpace(b, 0), 0)
	return i >= 0 && skipSpace(b, i) == len(b)
}

// eachMember visits the members of the object that begins at i, keys with
// their quotes, and gives the index behind it or -1. A nil visit only skips.
func eachMember(b []byte, i, depth int, visit func(key, value []byte)) int {
	if depth > maxDepth {
		return -1
	}
	i = skipSpace(b, i+1)
	if at(b, i) == '}' {
		return i + 1
	}
	for {
		keyEnd := skipString(b, i)
		if keyEnd < 0 {
			return -1
		}
		key := b[i:keyEnd]
		i = skipSpace(b, keyEnd)
		if at(b, i) != ':' {
			return -1
		}
		start := skipSpace(b, i+1)
		valueEnd := skipValue(b, start, depth)
		if valueEnd < 0 {
			return -1
		}
		if visit != nil {
			visit(key, b[start:valueEnd])
		}
		i = skipSpace(b, valueEnd)
		switch at(b, i) {
		case ',':
			i = skipSpace(b, i+1)
		case '}':
			return i + 1
		default:
			return -1
		}
	}
}

// skipValue gives the index behind the value that begins at i, -1 if there is
// no valid value. depth is that of the container around it.
func skipValue(b []byte, i, depth int) int {
	switch c := at(b, i); c {
	case '"':
		return skipString(b, i)
	case '{':
		return eachMember(b, i, depth+1, nil)
	case '[':
		return skipArray(b, i, depth+1)
	case 't':
		return skipWord(b, i, "true")
	case 'f':
		return skipWord(b, i, "false")
	case 'n':
		return skipWord(b, i, "null")
	default:
		return skipNumber(b, i)
	}
}

func skipArray(b []byte, i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	i = skipSpace(b, i+1)
	if at(b, i) == ']' {
		return i + 1
	}
	for {
		if i = skipValue(b, i, depth); i < 0 {
			return -1
		}
		i = skipSpace(b, i)
		switch at(b, i) {
		case ',':
			i = skipSpace(b, i+1)
		case ']':
			return i + 1
		default:
			return -1
		}
	}
}

// special marks the bytes that need a look inside a string.
var special = func() (t [256]bool) {
	for c := range 0x20 {
		t[c] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// skipString gives the index behind the string that begins at i.
func skipString(b []byte, i int) int {
	if at(b, i) != '"' {
		return -1
	}
	for i++; i < len(b); i++ {
		c := b[i]
		if !special[c] {
			continue
		}
		switch c {
		case '"':
			return i + 1
		case '\\':
			if i = skipEscape(b, i+1); i < 0 {
				return -1
			}
		default: // A control byte must be escaped.
			return -1
		}
	}
	return -1
}

// skipEscape gives the index of the last byte of the escape whose letter is
// at i.
func skipEscape(b []byte, i int) int {
	switch at(b, i) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i
	case 'u':
		for range 4 {
			i++
			if !isHex(at(b, i)) {
				return -1
			}
		}
		return i
	default:
		return -1
	}
}

// skipNumber gives the index behind the number that begins at i.
func skipNumber(b []byte, i int) int {
	if at(b, i) == '-' {
		i++
	}
	switch c := at(b, i); {
	case c == '0':
		i++
	case isDigit(c):
		i = skipDigits(b, i)
	default:
		return -1
	}
	if at(b, i) == '.' {
		if !isDigit(at(b, i+1)) {
			return -1
		}
		i = skipDigits(b, i+1)
	}
	if c := at(b, i); c == 'e' || c == 'E' {
		i++
		if c := at(b, i); c == '+' || c == '-' {
			i++
		}
		if !isDigit(at(b, i)) {
			return -1
		}
		i = skipDigits(b, i)
	}
	return i
}

func skipDigits(b []byte, i int) int {
	for isDigit(at(b, i)) {
		i++
	}
	return i
}

func skipWord(b []byte, i int, word string) int {
	if end := i + len(word); end <= len(b) && string(b[i:end]) == word {
		return end
	}
	return -1
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// at gives the byte at i, 0 behind the end: no token begins or goes on with a
// zero byte, so that callers need no check of their own.
func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
