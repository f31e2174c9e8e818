package rawjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/internal/rawjson"
)

func TestMarshal_leavesHTMLAndRawValuesAlone(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{"<a & b>", `"<a & b>"`},
		{map[string]any{"k": json.RawMessage(`9007199254740993`)}, `{"k":9007199254740993}`},
		{json.RawMessage(`{"a": "<"}`), `{"a":"<"}`},
		{nil, `null`},
		{"a\xffb\n", `"a\ufffdb\n"`},
	} {
		got, err := rawjson.Marshal(c.v)
		if err != nil || string(got) != c.want {
			t.Errorf("%v: got %s, %v, want %s", c.v, got, err, c.want)
		}
	}
	if got, err := rawjson.Marshal(func() {}); err == nil {
		t.Errorf("a function: got %s, want an error", got)
	}
}

func TestEncode_writesOneLine(t *testing.T) {
	var b strings.Builder
	if err := rawjson.Encode(&b, []string{"<\n>"}); err != nil || b.String() != "[\"<\\n>\"]\n" {
		t.Errorf("got %q, %v, want one line", b.String(), err)
	}
}

func TestAppendString_isWhatMarshalWrites(t *testing.T) {
	for _, s := range []string{"", "plain", `q"\`, "<&>", "é\u2028", "\x00\x7f", "\xff"} {
		want, err := rawjson.Marshal(s)
		if got := rawjson.AppendString([]byte("x"), s); err != nil || string(got) != "x"+string(want) {
			t.Errorf("%q: got %s, want x%s", s, got, want)
		}
	}
}
