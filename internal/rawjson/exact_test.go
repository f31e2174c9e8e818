package rawjson_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"gatehouse/internal/rawjson"
)

type inner struct {
	Kind string `json:"kind"`
}

type outer struct {
	inner

	Name  string                 `json:"name"`
	Plain string                 // its own name
	At    time.Time              `json:"at"`
	List  []inner                `json:"list"`
	Map   map[string]inner       `json:"map"`
	Any   map[string]any         `json:"any"`
	Raw   json.RawMessage        `json:"raw"`
	Deep  *struct{ Inner inner } `json:"deep"`
}

func TestDecode_namesAreExact(t *testing.T) {
	for src, want := range map[string]string{
		`{"name":"a","Plain":"b","kind":"c","other":1,"Other":2,"other":3}`:    "",
		`{"name":"a","at":"2026-01-02T03:04:05Z","raw":{"a":1,"a":2}}`:         "",
		`{"list":[{"kind":"x"},{"kind":"y"}],"map":{"a":{"kind":"z"},"A":{}}}`: "",
		` null `:                                "",
		`{"Name":"a"}`:                          `the member "Name" (before byte 8) differs from "name" in letter case only: write it as "name"`,
		`{"name":"a","NAME":"b"}`:               `the member "NAME" (before byte 19) differs from "name" in letter case only: write it as "name"`,
		`{"name":"a","n\u0061me":"b"}`:          `the member "name" occurs twice (again before byte 24): keep one of them`,
		`{"plain":"a"}`:                         `the member "plain" (before byte 9) differs from "Plain" in letter case only: write it as "Plain"`,
		`{"Kind":"a"}`:                          `the member "Kind" (before byte 8) differs from "kind" in letter case only: write it as "kind"`,
		`{"\u212aind":"a"}`:                     "the member \"\u212aind\" (before byte 13) differs from \"kind\" in letter case only: write it as \"kind\"",
		`{"li\u017ft":[]}`:                      "the member \"li\u017ft\" (before byte 13) differs from \"list\" in letter case only: write it as \"list\"",
		`{"list":[{"kind":"x"},{"KIND":1}]`:     "unexpected end of JSON input",
		`{"list":[{"kind":"x"}, {"KIND":"y"}]}`: `the member "KIND" (before byte 31) differs from "kind" in letter case only: write it as "kind"`,
		`{"map":{"a":{"kind":"x","kind":"y"}}}`: `the member "kind" occurs twice (again before byte 31): keep one of them`,
		`{"map":{"a":{},"a":{}}}`:               `the member "a" occurs twice (again before byte 19): keep one of them`,
		`{"any":{"a":1,"a":2}}`:                 `the member "a" occurs twice (again before byte 18): keep one of them`,
		`{"deep":{"Inner":{"Kind":"x"}}}`:       `the member "Kind" (before byte 25) differs from "kind" in letter case only: write it as "kind"`,
	} {
		got := ""
		if err := rawjson.Decode([]byte(src), new(outer)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", src, got, want)
		}
	}
}

func TestMisnamed_looksAtTheKnownNamesOfTheObjectItself(t *testing.T) {
	for src, want := range map[string]string{
		`{"exp":1,"other":2,"OTHER":3,"in":{"EXP":1}}`: "",
		`[]`:                     "",
		`{"exp":1,"exp":2}`:      "exp",
		`{"EXP":1}`:              "EXP",
		`{"exp":1,"Exp":2}`:      "Exp",
		`{"i\u017fs":"a"}`:       "i\u017fs",
		`{"\u0065xp":1,"exp":1}`: "exp",
	} {
		got := ""
		if wrong, ok := errors.AsType[*rawjson.NameError](rawjson.Misnamed([]byte(src), "exp", "iss")); ok {
			got = wrong.Name
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", src, got, want)
		}
	}
}

// Whatever encoding/json decodes, Decode decodes to the same, or refuses it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"name":"a"}`, `{"Name":1}`, `{"list":[{"kind":"a"}]}`, `{"map":{"a":{"Kind":"b"}}}`, `[]`, `{"any":{"a":[]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var got, want outer
		err, wanted := rawjson.Decode(src, &got), json.Unmarshal(src, &want)
		if _, misnamed := errors.AsType[*rawjson.NameError](err); (err != nil) != (wanted != nil) && !misnamed {
			t.Errorf("got %v, want %v", err, wanted)
		}
	})
}
