package rawjson

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf16"
)

// Limits bound a value in ways that its size does not: many programs die or
// hang over a small text that nests deep or holds an enormous number. What not
// every program can read exceeds them too, whatever they are: half of a surrogate
// pair, which stands for no character, and a fraction or a number with an exponent
// that is beyond the range of float64.
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
	BeyondFloat
	LoneSurrogate
)

// Exceeded returns which limit a value exceeds first, and the offset of the bracket,
// number or string that does, in bytes. It is one pass.
func (l Limits) Exceeded(value []byte) (excess Excess, offset int) {
	for i, depth := 0, 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			end := skipString(value, i)
			if hasLoneSurrogate(value[i:end]) {
				return LoneSurrogate, i
			}
			i = end - 1
		case c == '{' || c == '[':
			if depth++; depth > l.Depth {
				return TooDeep, i
			}
		case c == '}' || c == ']':
			depth--
		case isDigit(c):
			end := skipNumber(value, i)
			if excess := l.exceededBy(value[i:end]); excess != Within {
				return excess, i
			}
			i = end - 1
		}
	}
	return Within, 0
}

// exceededBy returns which limit a number without its sign exceeds.
func (l Limits) exceededBy(number []byte) Excess {
	if len(number) <= l.Digits && len(number) <= 3 {
		return Within // What most numbers are.
	}
	mantissa, exponent := number, []byte(nil)
	if i := bytes.IndexAny(number, "eE"); i >= 0 {
		mantissa, exponent = number[:i], number[i+1:]
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte{'.'})
	if len(whole)+len(fraction) > l.Digits {
		return TooManyDigits
	}
	value := 0
	for _, c := range bytes.TrimLeft(exponent, "+-0") {
		if value = 10*value + int(c-'0'); value > l.Exponent {
			return ExponentTooLarge
		}
	}
	if at(exponent, 0) == '-' {
		value = -value
	}
	written := len(mantissa) == len(number) && len(whole) == len(mantissa)
	if written || len(whole)+value < len(tooLarge) {
		return Within
	}
	return beyondFloat(whole, fraction, value)
}

// tooLarge is the least number that is infinite as float64, 2^1024-2^970: half of
// the way from the largest to what would come next. It has the power 308 of ten.
const tooLarge = "17976931348623158079372897140530341507993413271003782693617377898044496829276475094664901797758720709633028641" +
	"66928879109465555478519404026306574886715058206819089020007083836762738548458177115317644757302700698555713669" +
	"59622842914819860834936475292719074168444365510704342711559699508093042880177904174497792"

// beyondFloat returns BeyondFloat if a number is infinite as float64. The digits of
// its mantissa are those before and behind the point. It looks at each once: a library
// that must find the float takes a thousand times as long over some of them.
func beyondFloat(whole, fraction []byte, exponent int) Excess {
	digits := slices.Concat(whole, fraction)
	first := 0
	for first < len(digits) && digits[first] == '0' {
		first++
	}
	power := len(whole) - 1 - first + exponent // of ten, that of the first digit
	if first == len(digits) || power < len(tooLarge)-1 {
		return Within
	}
	digits = digits[first:]
	if power > len(tooLarge)-1 {
		return BeyondFloat
	}
	for i := range len(tooLarge) {
		digit := byte('0')
		if i < len(digits) {
			digit = digits[i]
		}
		if digit != tooLarge[i] {
			if digit > tooLarge[i] {
				return BeyondFloat
			}
			return Within
		}
	}
	return BeyondFloat
}

// hasLoneSurrogate reports whether an escape in a string is half of a pair and the
// other half is not beside it.
func hasLoneSurrogate(quoted []byte) bool {
	i := bytes.IndexByte(quoted, '\\')
	if i < 0 {
		return false // Most have no escape at all.
	}
	for i < len(quoted) {
		switch {
		case quoted[i] != '\\':
			i++
			continue
		case at(quoted, i+1) != 'u':
			i += 2
			continue
		}
		r := hexRune(quoted, i+2)
		i += 6
		if !utf16.IsSurrogate(r) {
			continue
		}
		if at(quoted, i) != '\\' || at(quoted, i+1) != 'u' || utf16.DecodeRune(r, hexRune(quoted, i+2)) == unicode.ReplacementChar {
			return true
		}
		i += 6
	}
	return false
}

// skipNumber returns the index behind the number that goes on at i.
func skipNumber(b []byte, i int) int {
	for i < len(b) && (isDigit(b[i]) || b[i] == '.' || b[i] == 'e' || b[i] == 'E' || b[i] == '+' || b[i] == '-') {
		i++
	}
	return i
}
