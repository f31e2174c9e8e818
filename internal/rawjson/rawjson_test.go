package rawjson_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/rawjson"
)

func TestSet(t *testing.T) {
	for name, c := range map[string]struct{ obj, key, value, want string }{
		"an empty object gets the member":          {`{}`, "a", `1`, `{"a":1}`},
		"a new member is appended":                 {`{ "b" : 12345678901234567890 }`, "a", `1`, `{ "b" : 12345678901234567890 ,"a":1}`},
		"an old one is replaced where it stands":   {`{"a":{"x":"}"},"b":2}`, "a", `[]`, `{"a":[],"b":2}`},
		"a key may be written with escapes":        {`{"\u0061":1}`, "a", `2`, `{"\u0061":2}`},
		"of two equal keys the last counts":        {`{"a":1,"a":2}`, "a", `3`, `{"a":1,"a":3}`},
		"no object becomes one":                    {`null`, "a", `2`, `{"a":2}`},
		"a nested object's members are not looked": {`{"b":{"a":1}}`, "a", `2`, `{"b":{"a":1},"a":2}`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, string(rawjson.Set([]byte(c.obj), c.key, []byte(c.value)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDelete_keepsTheOtherValuesAsWritten(t *testing.T) {
	got := string(rawjson.Delete([]byte(`{"a":1.0, "progressToken":7, "c":[1, 2]}`), "progressToken"))
	if want := `{"a":1.0,"c":[1, 2]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestText(t *testing.T) {
	for value, want := range map[string]string{
		`"a"`: "a", `"\u00e9\n"`: "é\n", `""`: "", "\"\xff\"": "\ufffd", `null`: "", `1`: "", `{"a":"b"}`: "", ``: "", `"`: "",
	} {
		if got := rawjson.Text([]byte(value)); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1,"b":[{"c":"\"}"}]}`, ` { "a" : "\\" } `, `[1]`, `"x"`, `{"a":1,"a":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		members, ok := rawjson.Members(src)
		if !json.Valid(src) {
			return // Must not panic, nothing else is promised.
		}
		var want map[string]json.RawMessage
		isObject := rawjson.First(src) == '{' && json.Unmarshal(src, &want) == nil
		if ok != isObject {
			t.Fatalf("object: got %v, want %v", ok, isObject)
		}
		got := map[string]json.RawMessage{}
		for _, m := range members {
			got[m.Key] = src[m.Start:m.End]
		}
		if isObject && len(want)+len(got) > 0 {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// Keys are decoded as encoding/json does, without its allocations.
func TestEach_decodesKeysAsEncodingJSONDoes(t *testing.T) {
	for _, quoted := range []string{
		`""`, `"a"`, `"\u0061"`, `"a\"b\\c\/d\b\f\n\r\t"`, `"\u00e9é\u2028"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\u0061"`,
		`"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`, `"\uD83D\uDE00\uABCD"`, `"\u0000"`,
	} {
		var want string
		if err := json.Unmarshal([]byte(quoted), &want); err != nil {
			t.Fatal(err)
		}
		got := "nothing"
		rawjson.Each([]byte(`{`+quoted+`:1}`), func(key []byte, _, _ int) { got = string(key) })
		if got != want || rawjson.Name([]byte(quoted)) != want {
			t.Errorf("%s: got %q and %q, want %q", quoted, got, rawjson.Name([]byte(quoted)), want)
		}
	}
}
