package jsonrpc_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// envelope is what Scan finds of one message.
type envelope struct{ ID, Method, Params, Result, Error []byte }

func scan(line []byte) (all []envelope, ok bool) {
	ok = jsonrpc.Scan(line, func(m jsonrpc.Message) {
		all = append(all, envelope{m.ID, m.Method, m.Params, m.Result, m.Error})
	})
	return all, ok
}

// skim returns the ids of the answers, and of the requests, that skimming finds
// in a line fed in pieces of this size.
func skim(line []byte, piece int) (answers, requests []string) {
	var s jsonrpc.Skimmer
	for len(line) > 0 {
		n := min(piece, len(line))
		s.Feed(line[:n])
		line = line[n:]
	}
	for _, id := range s.Answers {
		answers = append(answers, string(id))
	}
	for _, id := range s.Requests {
		requests = append(requests, string(id))
	}
	return answers, requests
}

var scanSeeds = []string{
	`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"\u00e9\"}{"}]}}`,
	`{"jsonrpc":"2.0","method":"notifications\/progress","params":{"progressToken":1}}`,
	`[{"id":1,"result":1},{"id":2,"error":{"code":-1,"message":""}}]`,
	` {"id" : "a" , "result" : [ ] , "result" : { } } `,
	`{"result":{"content":[],"_meta":{"a":1},"isError":false,"isError":true},"re\u0073ult":{}}`, `{"result":{"_meta":1},"result":{}}`,
	`{"\u0069d":7,"result":-1.5e+10}`, `{}`, `[]`, `[{}]`, `[1]`, `null`, `{"a":01}`, `{"a":1.}`, `{"a":"` + "\x01" + `"}`,
	`{"a":1,}`, `{"a"}`, `{"a":tru}`, `{"a":[1,]}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":-}`, `{"id":1}{"id":2}`, `{"a":"` + "\xff" + `"}`,
}

// FuzzScan holds the scanner against encoding/json: the same lines are valid,
// and the same members have the same bytes.
func FuzzScan(f *testing.F) {
	for _, seed := range scanSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if got, want := rawjson.Valid(line), json.Valid(line) && utf8.Valid(line); got != want {
			t.Fatalf("valid: got %v, encoding/json says %v, want %v", got, want, want)
		}
		got, ok := scan(line)
		want, wantOK := decode(bytes.ToValidUTF8(line, []byte("\uFFFD")))
		if ok != wantOK {
			t.Fatalf("ok: got %v, want %v", ok, wantOK)
		}
		if !ok {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		jsonrpc.Scan(line, func(m jsonrpc.Message) {
			if m.Outline.Known {
				checkOutline(t, m.Result, m.Outline)
			}
		})
	})
}

// checkOutline holds an outline against one that is made member by member, and what
// it says of posing against what is taken out. A name with escapes may be any.
func checkOutline(t *testing.T, result []byte, got endpoint.Outline) {
	t.Helper()
	want := endpoint.OutlineOf(result)
	poses := !bytes.Equal(endpoint.WithoutOwnMeta(result), result)
	if poses && !got.Posing || got.Posing && !poses && !bytes.ContainsRune(result, '\\') {
		t.Fatalf("the outline of %s says that it poses: %v, want %v", result, got.Posing, poses)
	}
	if want.Posing = got.Posing; got != want {
		t.Fatalf("the outline of %s is %+v, want %+v", result, got, want)
	}
}

func TestScan_nestsAsDeepAsEncodingJSON(t *testing.T) {
	for _, line := range []string{
		strings.Repeat(`[`, 20000),
		`{"a":` + strings.Repeat(`[`, 9999) + strings.Repeat(`]`, 9999) + `}`,
		`{"a":` + strings.Repeat(`[`, 10000) + strings.Repeat(`]`, 10000) + `}`,
		`[` + strings.Repeat(`{"a":`, 9999) + `1` + strings.Repeat(`}`, 9999) + `]`,
		`[` + strings.Repeat(`{"a":`, 10000) + `1` + strings.Repeat(`}`, 10000) + `]`,
	} {
		if _, got := scan([]byte(line)); got != json.Valid([]byte(line)) {
			t.Errorf("a line of %d bytes: got %v, want %v as encoding/json says", len(line), got, !got)
		}
	}
}

// decode is the scanner's specification in terms of encoding/json.
func decode(line []byte) ([]envelope, bool) {
	var members []map[string]json.RawMessage
	if trimmed := bytes.TrimLeft(line, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		if json.Unmarshal(line, &members) != nil || len(members) == 0 {
			return nil, false
		}
	} else {
		var one map[string]json.RawMessage
		if json.Unmarshal(line, &one) != nil {
			return nil, false
		}
		members = append(members, one)
	}
	var all []envelope
	for _, m := range members {
		if m == nil {
			return nil, false // null is not an object.
		}
		all = append(all, envelope{ID: m["id"], Method: m["method"], Params: m["params"], Result: m["result"], Error: m["error"]})
	}
	return all, true
}

// FuzzSkim holds the skimmer against encoding/json: it finds the ids of the
// answers in any valid line, in whatever pieces it comes.
func FuzzSkim(f *testing.F) {
	for _, seed := range scanSeeds {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, line []byte, piece int) {
		got, asked := skim(line, max(1, piece))
		all, ok := scan(line)
		if !ok {
			return // It must not panic, nothing else is promised.
		}
		var want, wantAsked []string
		for _, m := range all {
			switch {
			case !plainID(line, m.ID):
			case m.Method == nil:
				want = append(want, string(m.ID))
			default:
				wantAsked = append(wantAsked, string(m.ID))
			}
		}
		if bytes.Contains(line, []byte(`\u`)) || countMembers(line) || !utf8.Valid(line) {
			return // A key with escapes, or twice the same, is not looked for; an id that is not UTF-8 is nobody's.
		}
		if diff := cmp.Diff([][]string{want, wantAsked}, [][]string{got, asked}); diff != "" {
			t.Fatal(diff)
		}
	})
}

// plainID reports whether an id is one that skimming keeps.
func plainID(line, id []byte) bool {
	return len(id) > 0 && len(id) <= jsonrpc.MaxIDBytes && id[0] != '{' && id[0] != '[' && len(line) < 1<<20
}

// countMembers reports whether "id" occurs as a string more than once in any
// one message, where the last of them may not be the one that skimming finds.
func countMembers(line []byte) bool {
	all, _ := scan(line)
	return bytes.Count(line, []byte(`"id"`)) > len(all)
}

func TestSkim_findsTheIDWhereverItStands(t *testing.T) {
	inner := `{"id":99,"content":[{"id":98}],"text":"\",\"id\":97,{[\\"}`
	for name, c := range map[string]struct {
		line string
		want []string
	}{
		"at the beginning":                   {`{"jsonrpc":"2.0","id":7,"result":` + inner + `}`, []string{"7"}},
		"at the end":                         {`{"result":` + inner + `,"jsonrpc":"2.0","id": 7 }`, []string{"7"}},
		"as a string":                        {`{"result":` + inner + `,"id":"a,}b"}`, []string{`"a,}b"`}},
		"in each message of a batch":         {`[{"id":1,"result":` + inner + `},{"result":[],"id":2}]`, []string{"1", "2"}},
		"behind the prefix of an event":      {`data: {"id":7,"result":` + inner + `}`, []string{"7"}},
		"not in a request of the server":     {`{"id":7,"method":"ping","params":` + inner + `}`, nil},
		"not in a notification's parameters": {`{"method":"notifications/message","params":{"id":7}}`, nil},
		"not in what is no JSON":             {`id: 7`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, piece := range []int{1, 2, 7, len(c.line)} {
				got, _ := skim([]byte(c.line), piece)
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("in pieces of %d: want no difference, got %s", piece, diff)
				}
			}
		})
	}
}

func TestSkim_findsTheIDOfARequest(t *testing.T) {
	params := `{"id":99,"method":"x","arguments":{"id":98}}`
	for line, want := range map[string][]string{
		`{"id":7,"method":"tools/call","params":` + params + `}`:                        {"7"},
		`{"method":"tools/call","params":` + params + `,"id":"a"}`:                      {`"a"`},
		`[{"id":1,"method":"a","params":` + params + `},{"id":2,"result":{}}]`:          {"1"},
		`{"method":"notifications/cancelled","params":` + params + `}`:                  nil,
		`{"method":"x","id":"` + strings.Repeat("i", jsonrpc.MaxIDBytes-2) + `"}`:       {`"` + strings.Repeat("i", jsonrpc.MaxIDBytes-2) + `"`},
		`{"method":"x","id":"` + strings.Repeat("i", jsonrpc.MaxIDBytes-1) + `"}`:       nil,
		`{"id":7,"method":"tools/call","params":{"arguments":{"text":"no end of it, no`: nil,
	} {
		for _, piece := range []int{1, 7, len(line)} {
			if _, got := skim([]byte(line), piece); !cmp.Equal(want, got) {
				t.Errorf("%.100s in pieces of %d: got %q, want %q", line, piece, got, want)
			}
		}
	}
}

func TestRead_membersThatAnotherReaderMayTakeForOthers_areAmbiguous(t *testing.T) {
	for text, want := range map[string]bool{
		`{"jsonrpc":"2.0","id":1,"method":"a","params":{}}`:                     false,
		`{"jsonrpc":"2.0","id":1,"method":"a","ids":1,"":2,"Methods":3}`:        false,
		`{"id":1,"id":1,"method":"a"}`:                                          true,
		`{"id":1,"method":"a","METHOD":"b"}`:                                    true,
		`{"ID":1,"method":"a"}`:                                                 true,
		`{"id":1,"method":"a","param\u017f":{}}`:                                true,
		`{"id":1,"method":"a","paramſ":{}}`:                                     true,
		`{"id":1,"method":"a","metho\u0064":"b"}`:                               true,
		`{"id":1,"method":"a","params":{"id":1,"id":2,"METHOD":3,"Params":{}}}`: false,
		`{"id":1,"result":{},"Error":null}`:                                     true,
	} {
		m, ok := jsonrpc.Read([]byte(text))
		if !ok || m.Ambiguous != want {
			t.Errorf("%s: got a message %v, ambiguous %v; want one, ambiguous %v", text, ok, m.Ambiguous, want)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	line := []byte(`{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"` + strings.Repeat("x", 64<<10) + `"}],"n":[1,2.5,true,null]}}`)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if !jsonrpc.Scan(line, func(jsonrpc.Message) {}) {
			b.Fatal("not valid")
		}
	}
}

// What is passed over quickly, the insides of long strings, hides no end of a
// string and no id, wherever quotes and backslashes stand.
func TestSkim_longStrings_hideNoID(t *testing.T) {
	for size := range 1100 {
		pad := strings.Repeat("x", size)
		text := pad + `\"` + pad + `\\\"id\":7,` + strings.Repeat(`\\`, size%600) + `"},"` + pad + `":"","id":1`
		for _, piece := range []int{size + 1, 1 << 20} {
			answers, requests := skim([]byte(`{"result":{"a":"`+text+`}`), piece)
			if !slices.Equal(answers, []string{"1"}) || len(requests) > 0 {
				t.Fatalf("strings of %d bytes in pieces of %d: got the answers %v and the requests %v, want the answer 1 alone", size, piece, answers, requests)
			}
		}
	}
}
