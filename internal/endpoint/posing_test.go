package endpoint_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/endpoint"
)

func TestWithoutOwnMeta(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"nothing to take out", `{"_meta": {"a":1} ,"content":[]}`, `{"_meta": {"a":1} ,"content":[]}`},
		{"the only member", `{"_meta":{"io.gatehouse/origin":"gateway"}}`, `{"_meta":{}}`},
		{"the first", `{"_meta":{"io.gatehouse/origin":1, "a":2}}`, `{"_meta":{"a":2}}`},
		{"the last", `{"_meta":{"a":2 , "io.gatehouse/x" : {"b":[]} }}`, `{"_meta":{"a":2 }}`},
		{"several among others", `{"_meta":{"io.gatehouse/1":1,"io.gatehouse/2":2,"a":3,"io.gatehouse/3":4,"b":5,"io.gatehouse/4":6,"io.gatehouse/5":7}}`, `{"_meta":{"a":3,"b":5}}`},
		{"the same twice", `{"_meta":{"io.gatehouse/a":1,"io.gatehouse/a":2}}`, `{"_meta":{}}`},
		{"an escape for the dot", `{"_meta":{"io\u002egatehouse/origin":1,"a":1}}`, `{"_meta":{"a":1}}`},
		{"escapes all over", `{"_meta":{"\u0069\u006f.gat\u0065house\/x":1}}`, `{"_meta":{}}`},
		{"an escape in _meta", `{"\u005fmeta":{"io.gatehouse/x":1}}`, `{"\u005fmeta":{}}`},
		{"_meta twice", `{"_meta":{"io.gatehouse/x":1},"b":1,"_meta":{"a":1}}`, `{"b":1,"_meta":{"a":1}}`},
		{"_meta twice, by an escape", `{"\u005fmeta":{"io.gatehouse/x":1},"_meta":{"io.gatehouse/x":1,"a":1}}`, `{"_meta":{"a":1}}`},
		{"in a block", `{"content":[{"type":"text","_meta":{"io.gatehouse/x":1}},{"resource":{"_meta":{"io.gatehouse/x":1,"b":1}}}]}`, `{"content":[{"type":"text","_meta":{}},{"resource":{"_meta":{"b":1}}}]}`},
		{"outside of _meta", `{"io.gatehouse/x":1,"content":[{"io.gatehouse/x":1}]}`, `{"io.gatehouse/x":1,"content":[{"io.gatehouse/x":1}]}`},
		{"deeper in _meta", `{"_meta":{"a":{"io.gatehouse/x":1}}}`, `{"_meta":{"a":{"io.gatehouse/x":1}}}`},
		{"what the tool's data hold", `{"structuredContent":{"_meta":{"io.gatehouse/x":1}}}`, `{"structuredContent":{"_meta":{"io.gatehouse/x":1}}}`},
		{"another's names", `{"_meta":{"io.gatehouses/x":1,"io.gatehouse":1,"gatehouse/x":1}}`, `{"_meta":{"io.gatehouses/x":1,"io.gatehouse":1,"gatehouse/x":1}}`},
		{"another letter case", `{"_meta":{"IO.gateHouse/origin":1,"a":1}}`, `{"_meta":{"a":1}}`},
		{"a letter that some take for an s", `{"_meta":{"io.gatehouſe/x":1,"io.gatehou\u017fe/x":1}}`, `{"_meta":{}}`},
		{"_meta in another letter case", `{"_Meta":{"io.gatehouse/x":1},"_meta":{"a":1},"_META":{"io.gatehouse/x":1,"b":1}}`, `{"_Meta":{},"_meta":{"a":1},"_META":{"b":1}}`},
		{"in what nobody knows", `{"a":{"b":[{"_meta":{"io.gatehouse/x":1}}]}}`, `{"a":{"b":[{"_meta":{}}]}}`},
		{"no object", `["_meta"]`, `["_meta"]`},
		{"a _meta that is no object", `{"_meta":["io.gatehouse/x"]}`, `{"_meta":["io.gatehouse/x"]}`},
	} {
		if got := string(endpoint.WithoutOwnMeta([]byte(c.value))); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestWithoutOwnNames_ofEveryObject(t *testing.T) {
	const value = `{"code":1,"io.gatehouse/a":1,"data":{"_meta":{"io.gatehouse/b":1,"c":1},"x":[{"io\u002egatehouse/d":1},2]}}`
	const want = `{"code":1,"data":{"_meta":{"c":1},"x":[{},2]}}`
	if got := string(endpoint.WithoutOwnNames([]byte(value))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The outline, which is made while a result is read, says where it is worth
// looking.
func TestReadOutline_seesWhoPoses(t *testing.T) {
	for _, c := range []struct {
		value string
		want  bool
	}{
		{`{}`, false},
		{`{"_meta":{"a":1},"content":[{"type":"text","text":"io.gatehouse/x","_meta":{"b":1}}]}`, false},
		{`{"structuredContent":{"_meta":{"io.gatehouse/x":1}}}`, false},
		{`{"_meta":{"io.gatehouse/x":1}}`, true},
		{`{"_meta":{"i\u006f.gatehouse/x":1}}`, true},
		{`{"_meta":{},"_meta":{}}`, true},
		{`{"content":[1,{"_meta":{"io.gatehouse/x":1}}]}`, true},
		{`{"content":[{"resource":{"_meta":{"io.gatehouse/x":1}}}]}`, true},
		{`{"content":[{"\u005fmeta":{"io.gatehouse/x":1}}]}`, true},
		{`{"content":[{"annotations":{"_meta":{"io.gatehouse/x":1}}}]}`, true},
		{`{"content":[[{"_meta":{"io.gatehouse/x":1}}]]}`, true},
		{`{"content":{"_meta":{"io.gatehouse/x":1}}}`, true},
		{`{"a":{"_meta":{"io.gatehouse/x":1}}}`, true},
		{`{"_meta":{"a":{"_meta":{"io.gatehouse/x":1}}}}`, true},
		{`{"_Meta":{"io.gatehouse/x":1}}`, true},
		{`{"_meta":{"io.Gatehouse/x":1}}`, true},
		{`{"_meta":{"io.gatehouſe/x":1}}`, true},
		{`{"io.gatehouse/x":1,"_meta":{"a":{"io.gatehouse/x":1}}}`, false},
	} {
		o, end := endpoint.ReadOutline([]byte(c.value), 0, 0)
		if end != len(c.value) || !o.Known || o.Posing != c.want {
			t.Errorf("%s: got end %d, known %v, posing %v; want %d, true, %v", c.value, end, o.Known, o.Posing, len(c.value), c.want)
		}
	}
}

func FuzzWithoutOwnMeta(f *testing.F) {
	f.Add(`{"_meta":{"a":2 , "io.gatehouse/x" : {"b":[]} },"content":[{"_meta":{}}]}`)
	f.Add(`{"_meta":{},"\u005fmeta":{"io.gatehouse/x":1}}`)
	f.Fuzz(func(t *testing.T, value string) {
		if !json.Valid([]byte(value)) || !utf8.ValidString(value) {
			return
		}
		got := endpoint.WithoutOwnMeta([]byte(value))
		if !json.Valid(got) {
			t.Fatalf("%q became %q, want JSON", value, got)
		}
		if again := endpoint.WithoutOwnMeta(got); string(again) != string(got) {
			t.Fatalf("%q became %q, and that %q: want it done at once", value, got, again)
		}
		if o, end := endpoint.ReadOutline([]byte(value), 0, 0); end == len(value) && o.Known && !o.Posing && string(got) != value {
			t.Fatalf("%q became %q, and its outline does not say that it poses", value, got)
		}
		if o, _ := endpoint.ReadOutline(got, 0, 0); o.Known && o.Posing && !strings.Contains(value, `\`) {
			t.Fatalf("%q became %q, which still poses", value, got)
		}
	})
}
