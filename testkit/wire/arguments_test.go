//go:build unix

package wire_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestLossless_arguments_oddities(t *testing.T) {
	h := open(t)
	odd := map[string]string{}
	for _, c := range cases(t, "arguments.txt") {
		odd[c.name] = c.json
	}
	for _, c := range cases(t, "results.txt") { // An object is an object.
		odd["as a result: "+c.name] = c.json
	}
	for name, args := range odd {
		for _, p := range h.paths() {
			if err := p.reaches(t.Context(), `"args":`+args, args); err != nil {
				blame(t, err, "%s, %s", name, p)
			}
		}
	}
	for name, args := range hugeArguments() {
		for _, p := range h.fewPaths() {
			if err := p.reaches(t.Context(), `"args":`+args, args); err != nil {
				blame(t, err, "%s, %s", name, p)
			}
		}
	}
}

// hugeArguments are those that nobody wants to read in a file.
func hugeArguments() map[string]string {
	long := strings.Repeat(`0123456789abcde\u003c`, 1<<20/21)
	return map[string]string{
		"a text of 1 MB": `{"text":"` + long + `"}`,
		"nesting of 63":  `{"a":` + strings.Repeat(`{"a":[`, 31) + "1" + strings.Repeat(`]}`, 31) + `}`,
	}
}

func TestLossless_arguments_asModelsSendThem(t *testing.T) {
	h := open(t)
	quoted := func(v string) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	odd := `{"n":9007199254740993,"f":1.0,"z":1,"a":"\u003c\/","z":2,"s":"\ud83d\uDE00","<k>":null}`
	for name, c := range map[string]struct{ args, want string }{
		"none":                        {`"timeout_ms":60000`, `{}`},
		"an empty object":             {`"args":{}`, `{}`},
		"a string that holds JSON":    {`"args":` + quoted(odd), odd},
		"the same between spaces":     {`"args":` + quoted("\n "+odd+"\t"), odd},
		"arguments instead of args":   {`"arguments":` + odd, odd},
		"a string of them":            {`"arguments":` + quoted(odd), odd},
		"the last of two escaped":     {`"\u0061rgs":` + odd, odd},
		"beside others, in any order": {`"timeout_ms":"60000","args":` + odd + `,"agent_id":""`, odd},
	} {
		for _, p := range h.paths() {
			if err := p.reaches(t.Context(), c.args, c.want); err != nil {
				blame(t, err, "%s, %s", name, p)
			}
		}
	}
}

func TestLossless_toolNames_reachTheServer(t *testing.T) {
	h := open(t, "--list", writeList(t, `{"name":"<b>\u0026 \/ \ud83d\ude00","inputSchema":{"type":"object"}}`))
	for _, p := range h.paths() {
		// The fake server knows no such tool, and says which one it was asked.
		got, err := p.call(t.Context(), "execute_tool", fmt.Sprintf(`{"server":%q,"tool":"\u003cb\u003e& / 😀","args":{}}`, p.server))
		if err != nil {
			t.Fatal(err)
		}
		failure := pick(pick(got, "structuredContent"), "error")
		if want := "Unknown tool: <b>& / 😀"; text(pick(pick(failure, "rpc"), "message")) != want {
			t.Errorf("%s: got %s, want %q in it", p, failure, want)
		}
	}
}

// reaches calls a server with arguments for execute_tool and compares what
// came there with what is wanted.
func (p path) reaches(ctx context.Context, arguments, want string) error {
	got, err := p.call(ctx, "execute_tool", fmt.Sprintf(`{"server":%q,"tool":"mirror",%s}`, p.server, arguments))
	if err != nil {
		return err
	}
	if why := unsendable(want); why != "" {
		if said := text(pick(pick(pick(got, "structuredContent"), "error"), "code")); said != "INVALID_ARGUMENT" {
			return fmt.Errorf("got %.500s, want INVALID_ARGUMENT for %s", got, why)
		}
		return nil
	}
	content, err := elements(pick(got, "content"))
	if err != nil || len(content) != 1 {
		return fmt.Errorf("got %.500s, want one block: %w", got, err)
	}
	params, err := base64.StdEncoding.DecodeString(text(pick([]byte(content[0].value), "text")))
	if err != nil {
		return fmt.Errorf("got %.500s: %w", got, err)
	}
	list, err := members(params)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.key != `"name"` && m.key != `"arguments"` && m.key != `"_meta"` {
			return fmt.Errorf("got a member %s in params: %.500s", m.key, params)
		}
	}
	return same(pick(params, "arguments"), []byte(want))
}

// wholeText matches JSON whose escapes are all of whole characters.
var wholeText = regexp.MustCompile(`(?s)^([^\\]|\\[^u]|\\u([0-9a-cA-Ce-fE-F][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))*$`)

// unsendable says why the gateway passes an object to no server, read in another way
// than it does; "" if it passes it.
func unsendable(object string) string {
	if !wholeText.MatchString(object) {
		return "a lone surrogate"
	}
	depth, decoder := 0, json.NewDecoder(strings.NewReader(object))
	decoder.UseNumber()
	for token, err := decoder.Token(); err == nil; token, err = decoder.Token() {
		switch value := token.(type) {
		case json.Delim:
			if depth += map[rune]int{'{': 1, '[': 1, '}': -1, ']': -1}[rune(value)]; depth > 64 {
				return "depth"
			}
		case json.Number:
			if why := unsendableNumber(string(value)); why != "" {
				return why
			}
		}
	}
	return ""
}

func unsendableNumber(number string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	if len(strings.NewReplacer("-", "", ".", "").Replace(mantissa)) > 1000 {
		return "digits"
	}
	if n, err := strconv.Atoi(cmp.Or(exponent, "0")); err != nil || n > 1000 || n < -1000 {
		return "exponent"
	}
	if f, _ := strconv.ParseFloat(number, 64); math.IsInf(f, 0) && strings.ContainsAny(number, ".eE") {
		return "range"
	}
	return ""
}
