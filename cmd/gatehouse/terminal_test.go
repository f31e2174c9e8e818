package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/terminal"
)

func TestWriteJSON_isTheSameValueWithoutControlCharacters(t *testing.T) {
	in := "\x1b \u007f \u009b \u202e \U000e0001 <ä> 🧀"
	var b bytes.Buffer
	if err := writeJSON(&b, in); err != nil {
		t.Fatal(err)
	}
	var out string
	if err := json.Unmarshal(b.Bytes(), &out); err != nil || out != in {
		t.Errorf("got %q, %v, want %q", out, err, in)
	}
	if want := `"\u001b \u007f \u009b \u202e \udb40\udc01 <ä> 🧀"` + "\n"; b.String() != want {
		t.Errorf("got  %s want %s", b.String(), want)
	}
}

func TestAge(t *testing.T) {
	cases := map[time.Duration]string{
		-time.Second: "0ms", 0: "0ms", time.Microsecond: "<1ms", 12 * time.Millisecond: "12ms", 59 * time.Second: "59s",
		61 * time.Second: "1m1s", 2*time.Hour + 3*time.Minute: "2h3m", 50 * time.Hour: "2d2h",
	}
	for d, want := range cases {
		if got := age(d); got != want {
			t.Errorf("age(%s) is %q, want %q", d, got, want)
		}
	}
}

func TestLogText_isAsWideAsTheTerminal_andColorsTheLevel(t *testing.T) {
	raw := json.RawMessage(`{"level":"WARN","msg":"server crashed","server":"db","reason":"` + strings.Repeat("it failed ", 30) + `"}`)
	got := logText(raw, 40, true)
	if want := "\x1b[33mWARN\x1b[0m"; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q in it", got, want)
	}
	for i, l := range strings.Split(escapes.ReplaceAllString(got, ""), "\n") {
		if terminal.Width(l) > 40 || i > 0 && !strings.HasPrefix(l, "    ") {
			t.Errorf("got the line %q, want at most 40 columns, indented after the first", l)
		}
	}
	if got := logText(raw, 0, false); strings.ContainsAny(got, "\n\x1b") {
		t.Errorf("got %q, want one line without colors where there is no terminal", got)
	}
}

func TestLogLine(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"attributes follow the message": {
			`{"level":"WARN","msg":"server crashed","server":"db","n":9007199254740993,"list":["a"],"none":null}`,
			`WARN  server crashed server=db n=9007199254740993 list="[\"a\"]" none=null`,
		},
		"a list of stderr is left out, as its lines are records": {
			`{"level":"WARN","msg":"server crashed","server":"db","stderr":["a"],"in_flight":0}`, `WARN  server crashed server=db in_flight=0`,
		},
		"odd values are quoted": {`{"level":"INFO","msg":"m\u001b","a b":"c d","e":"","f":"\u001b[2J"}`, `INFO  m\x1b "a b"="c d" e="" f="\x1b[2J"`},
		"lines that were lost":  {`{"lost":7}`, `... lost=7`},
		"no object":             {"[1]\x1b", `[1]\x1b`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := logLine(json.RawMessage(c.in))
			if !strings.HasSuffix(got, c.want) {
				t.Errorf("got %q, want the end %q", got, c.want)
			}
		})
	}
}

func TestPrintResult(t *testing.T) {
	cases := map[string]struct {
		in, want string
		fails    bool
	}{
		"texts":                {`{"content":[{"type":"text","text":"a\nb\u001b"},{"type":"text","text":"c"}]}`, "a\nb\\x1b\nc\n", false},
		"other blocks":         {`{"content":[{"type":"image","data":"AA=="}]}`, `{"type":"image","data":"AA=="}` + "\n", false},
		"structured alone":     {`{"content":[],"structuredContent":{"n":9007199254740993}}`, `{"n":9007199254740993}` + "\n", false},
		"a failure is printed": {`{"content":[{"type":"text","text":"no"}],"isError":true}`, "no\n", true},
		"no result":            {`[]`, "", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			err := printResult(&b, json.RawMessage(c.in), admin.Call{}, false)
			if b.String() != c.want || (err != nil) != c.fails {
				t.Errorf("got %q, %v, want %q, and an error: %v", b.String(), err, c.want, c.fails)
			}
		})
	}
}
