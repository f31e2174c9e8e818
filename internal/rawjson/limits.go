package rawjson

import "bytes"

// Limits bound a value in ways that its size does not: many programs die or
// hang over a small text that nests deep or holds an enormous number.
type Limits struct {
	Depth    int // of objects and arrays within each other
	Digits   int // of a number, those of its exponent apart
	Exponent int // its absolute value
}

// Excess is the first limit that a value exceeds.
type Excess int

// The limits. The zero value is none of them.
const (
	Within Excess = iota
	TooDeep
	TooManyDigits
	ExponentTooLarge
)

// Exceeded returns which limit a value exceeds first. It is one pass and
// allocates nothing.
func (l Limits) Exceeded(value []byte) Excess {
	for i, depth := 0, 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			i = skipString(value, i) - 1
		case c == '{' || c == '[':
			if depth++; depth > l.Depth {
				return TooDeep
			}
		case c == '}' || c == ']':
			depth--
		case isDigit(c):
			end := skipNumber(value, i)
			if excess := l.exceededBy(value[i:end]); excess != Within {
				return excess
			}
			i = end - 1
		}
	}
	return Within
}

// exceededBy returns which limit a number without its sign exceeds.
func (l Limits) exceededBy(number []byte) Excess {
	if len(number) <= l.Digits && len(number) <= 3 {
		return Within // What most numbers are.
	}
	mantissa, exponent := number, []byte(nil)
	if i := bytes.IndexAny(number, "eE"); i >= 0 {
		mantissa, exponent = number[:i], bytes.TrimLeft(number[i+1:], "+-0")
	}
	digits := len(mantissa) - bytes.Count(mantissa, []byte{'.'})
	if digits > l.Digits {
		return TooManyDigits
	}
	value := 0
	for _, c := range exponent {
		if value = 10*value + int(c-'0'); value > l.Exponent {
			return ExponentTooLarge
		}
	}
	return Within
}

// skipNumber returns the index behind the number that goes on at i.
func skipNumber(b []byte, i int) int {
	for i < len(b) && (isDigit(b[i]) || b[i] == '.' || b[i] == 'e' || b[i] == 'E' || b[i] == '+' || b[i] == '-') {
		i++
	}
	return i
}
