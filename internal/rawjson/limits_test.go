package rawjson_test

import (
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
	} {
		if got := limits.Exceeded([]byte(c.value)); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

func BenchmarkLimits_ofUsualArguments(b *testing.B) {
	value := []byte(`{"path":"/srv/data/notes.txt","lines":[1,2,30],"options":{"follow":true,"encoding":"utf-8"}}`)
	limits := rawjson.Limits{Depth: 64, Digits: 1000, Exponent: 1000}
	for b.Loop() {
		limits.Exceeded(value)
	}
}
