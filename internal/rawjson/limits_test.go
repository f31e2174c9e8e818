package rawjson_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"gatehouse/internal/rawjson"
)

func TestLimits_theFirstThatIsExceeded(t *testing.T) {
	limits := rawjson.Limits{Depth: 3, Digits: 10, Exponent: 20}
	for _, c := range []struct {
		name, value string
		want        rawjson.Excess
	}{
		{"nothing", `{}`, rawjson.Within},
		{"as deep as it may be", `{"a":[{"b":1}]}`, rawjson.Within},
		{"one level more", `{"a":[{"b":[]}]}`, rawjson.TooDeep},
		{"many beside each other", `[[],[],[],[],{},{}]`, rawjson.Within},
		{"brackets in a string", `{"a":"[[[[[[{{{{\"[[[["}`, rawjson.Within},
		{"brackets in a key", `{"[[[[[[\\":1}`, rawjson.Within},
		{"as many digits as it may have", `[-1234567890]`, rawjson.Within},
		{"one digit more", `[12345678901]`, rawjson.TooManyDigits},
		{"digits behind the point count too", `[1.2345678901]`, rawjson.TooManyDigits},
		{"the point does not", `[-1.234567890]`, rawjson.Within},
		{"digits in a string", `["12345678901"]`, rawjson.Within},
		{"an exponent as large as it may be", `[1e20,1E+20,1e-20]`, rawjson.Within},
		{"a larger one", `[1e21]`, rawjson.ExponentTooLarge},
		{"a smaller one", `[1e-21]`, rawjson.ExponentTooLarge},
		{"with zeros before it", `[1e0000000000000000000020]`, rawjson.Within},
		{"one beyond all integers", `[1e` + strings.Repeat("9", 100) + `]`, rawjson.ExponentTooLarge},
		{"a number alone", `12345678901`, rawjson.TooManyDigits},
		{"half of a pair", `["\ud83d"]`, rawjson.LoneSurrogate},
		{"its other half", `["\uDE00"]`, rawjson.LoneSurrogate},
		{"the halves in the wrong order", `["\ude00\ud83d"]`, rawjson.LoneSurrogate},
		{"something between them", `["\ud83d \ude00"]`, rawjson.LoneSurrogate},
		{"another escape instead of the second", `["\ud83d\n"]`, rawjson.LoneSurrogate},
		{"another character instead of the second", `["\ud83d\u0041"]`, rawjson.LoneSurrogate},
		{"two first ones", `["\ud83d\uD83D\ude00"]`, rawjson.LoneSurrogate},
		{"behind a whole pair", `["\ud83d\ude00\ude00"]`, rawjson.LoneSurrogate},
		{"behind an escaped backslash", `["\\\ud83d"]`, rawjson.LoneSurrogate},
		{"in the name of a member", `{"a":{"\udc00":1}}`, rawjson.LoneSurrogate},
		{"a pair", `["\ud83d\ude00\uD83D\uDE00"]`, rawjson.Within},
		{"the character itself", `["😀"]`, rawjson.Within},
		{"an escaped backslash before ud83d", `["\\ud83d","\\\\ud83d"]`, rawjson.Within},
		{"what stands before and behind surrogates", `["\ud7ff\ue000\ufffd\uffff"]`, rawjson.Within},
		{"what comes first counts", `{"a":12345678901,"\udc00":1}`, rawjson.TooManyDigits},
	} {
		if got, _ := limits.Exceeded([]byte(c.value)); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

// A fraction or a number with an exponent must be one that float64 has; an integer
// that is written out may have as many digits as the limit says.
func TestLimits_numbersBeyondFloat(t *testing.T) {
	limits := rawjson.Limits{Depth: 3, Digits: 1000, Exponent: 1000}
	for number, want := range map[string]rawjson.Excess{
		"1e308": rawjson.Within, "1.7976931348623157e308": rawjson.Within, "-1.7976931348623157E+308": rawjson.Within,
		"1.7976931348623159e308": rawjson.BeyondFloat, "1e309": rawjson.BeyondFloat, "-1E+309": rawjson.BeyondFloat, "1e400": rawjson.BeyondFloat,
		"0.1e309": rawjson.Within, "0.00001e310": rawjson.Within, "100000e304": rawjson.BeyondFloat, "1" + strings.Repeat("0", 309) + "e-1": rawjson.Within,
		"0e400": rawjson.Within, "0.0e999": rawjson.Within, "1e-400": rawjson.Within, "1e-1000": rawjson.Within,
		strings.Repeat("7", 309): rawjson.Within, strings.Repeat("7", 1000): rawjson.Within,
		strings.Repeat("7", 309) + ".5": rawjson.BeyondFloat, strings.Repeat("7", 308) + ".5": rawjson.Within,
		"1e1000": rawjson.BeyondFloat, "1e1001": rawjson.ExponentTooLarge,
	} {
		digits := strings.TrimPrefix(number, "-")
		value := strings.Repeat(" ", 10) + "[-" + digits + "]"
		got, offset := limits.Exceeded([]byte(value))
		if wantAt := strings.Index(value, digits); got != want || want != rawjson.Within && offset != wantAt {
			t.Errorf("%s: got %d at %d, want %d at %d", number, got, offset, want, wantAt)
		}
	}
}

// The scan finds a lone surrogate where encoding/json puts U+FFFD for one.
func TestLimits_loneSurrogates_areThoseThatEncodingJSONReplaces(t *testing.T) {
	parts := []string{`\ud83d`, `\uDE00`, `\u0041`, `\n`, `\\`, `\"`, `u`, `ud83d`, `é`, `\u00e9`}
	limits := rawjson.Limits{Depth: 3, Digits: 10, Exponent: 20}
	for n := range 10 * 10 * 10 * 10 {
		value := `"` + parts[n%10] + parts[n/10%10] + parts[n/100%10] + parts[n/1000] + `"`
		var text string
		if err := json.Unmarshal([]byte(value), &text); err != nil {
			t.Fatalf("%s: got %v, want a text", value, err)
		}
		want := rawjson.Within
		if strings.Contains(text, "\ufffd") {
			want = rawjson.LoneSurrogate
		}
		if got, _ := limits.Exceeded([]byte(value)); got != want {
			t.Errorf("%s: got %d, want %d", value, got, want)
		}
	}
}

func BenchmarkLimits(b *testing.B) {
	limits := rawjson.Limits{Depth: 64, Digits: 1000, Exponent: 1000}
	for name, value := range map[string]string{
		"usual":   `{"path":"/srv/data/notes.txt","lines":[1,2,30],"options":{"follow":true,"encoding":"utf-8"}}`,
		"text":    `{"a":"` + strings.Repeat("0123456789abcdef", 1<<16) + `"}`,
		"code":    `{"a":"` + strings.Repeat(`\tif err != nil { return \"x\" }\n`, 1<<15) + `"}`,
		"escapes": `{"a":"` + strings.Repeat(`\u4e2d\ud83d\ude00`, 1<<16) + `"}`,
	} {
		b.Run(name, func(b *testing.B) {
			bytes := []byte(value)
			b.SetBytes(int64(len(value)))
			for b.Loop() {
				limits.Exceeded(bytes)
			}
		})
	}
}

// What is looked at by hand is what the library finds.
func TestLimits_numbersBeyondFloat_asByTheLibrary(t *testing.T) {
	limits := rawjson.Limits{Depth: 3, Digits: 1000, Exponent: 1000}
	largest := new(big.Int).Lsh(big.NewInt(1), 1024)
	half := new(big.Int).Sub(largest, new(big.Int).Lsh(big.NewInt(1), 970)) // the least that is infinite
	digits := []string{"1", "9", "17", "18", "1797693134862315", "1797693134862316", half.String(), new(big.Int).Sub(half, big.NewInt(1)).String(), half.String() + "1"}
	for _, d := range digits {
		for at := range min(len(d), 20) {
			for _, zeros := range []int{0, 1, 5} {
				for e := -12; e <= 320; e++ {
					for _, number := range []string{
						fmt.Sprintf("%s%s.%se%d", d[:at+1], strings.Repeat("0", zeros), d[at+1:]+"0", e),
						fmt.Sprintf("0.%s%sE+%d", strings.Repeat("0", zeros), d, max(e, 0)),
					} {
						want := rawjson.Within
						if _, err := strconv.ParseFloat(number, 64); err != nil {
							want = rawjson.BeyondFloat
						}
						if got, _ := limits.Exceeded([]byte(number)); got != want {
							t.Fatalf("%s: got %d, want %d", number, got, want)
						}
					}
				}
			}
		}
	}
}

// An agent can send numbers that take a library long, half a million in one call.
func BenchmarkLimits_numbersNearHalfOfTheWay(b *testing.B) {
	limits := rawjson.Limits{Depth: 3, Digits: 1000, Exponent: 1000}
	value := []byte("[" + strings.Repeat("0.00898846567431158053656e310,", 130_000) + "1]")
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		limits.Exceeded(value)
	}
}
