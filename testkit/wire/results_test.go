//go:build unix

package wire_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit/spec"
)

func TestLossless_results_officialExamples(t *testing.T) {
	examples, err := spec.Examples("CallToolResult", "TextContent", "ImageContent", "AudioContent", "ResourceLink", "EmbeddedResource")
	if err != nil || len(examples) < 9 {
		t.Fatalf("got %d examples (%v), want at least 9", len(examples), err)
	}
	h := open(t)
	for _, e := range examples {
		result := string(e.JSON)
		switch e.Definition {
		case "CallToolResult":
		case "CallToolResultResponse":
			result = string(pick(e.JSON, "result"))
		default:
			result = `{"content":[` + result + `],"resultType":"complete"}`
		}
		h.arrives(t, e.Name, result)
	}
}

func TestLossless_results_oddities(t *testing.T) {
	h := open(t)
	for _, c := range cases(t, "results.txt") {
		h.arrives(t, c.name, c.json)
	}
	for name, result := range hugeResults() {
		for _, p := range h.fewPaths() {
			if err := p.arrives(t.Context(), result, ""); err != nil {
				blame(t, err, "%s, %s", name, p)
			}
		}
	}
}

// hugeResults are those that nobody wants to read in a file.
func hugeResults() map[string]string {
	deep := func(n int) string { return strings.Repeat(`{"a":[`, n) + "1" + strings.Repeat(`]}`, n) }
	long := strings.Repeat(`0123456789abcde\u003c`, 1<<20/21)
	return map[string]string{
		"a text of 1 MB":                   `{"content":[{"type":"text","text":"` + long + `"}]}`,
		"a long list":                      `{"content":[],"structuredContent":{"list":[` + strings.Repeat(`{"n":1.0},`, 20_000) + `0]}}`,
		"nesting of 1000":                  `{"content":[],"structuredContent":` + deep(500) + `}`,
		"nesting of 9000":                  `{"content":[],"structuredContent":` + deep(4500) + `}`,
		"a number of 10000 digits":         `{"content":[],"structuredContent":{"n":` + strings.Repeat("7", 10000) + `}}`,
		"10000 members beside the content": `{"content":[]` + strings.Repeat(`,"more":{}`, 10000) + `}`,
	}
}

// arrives checks on all paths that a result arrives as the server said it.
func (h *house) arrives(t *testing.T, name, result string) {
	t.Helper()
	for _, p := range h.paths() {
		if err := p.arrives(t.Context(), result, ""); err != nil {
			blame(t, err, "%s, %s", name, p)
		}
		if p.server == "web" {
			if err := p.arrives(t.Context(), result, "json"); err != nil {
				blame(t, err, "%s, %s as a body", name, p)
			}
		}
	}
}

// arrives has the server say a result and compares it with what comes.
func (p path) arrives(ctx context.Context, said, as string) error {
	if strings.HasPrefix(p.server, "pipe") {
		said = string(onOneLine([]byte(said)))
	}
	got, err := p.call(ctx, "execute_tool", fmt.Sprintf(`{"server":%q,"tool":"say","args":{"result":%q,"as":%q}}`,
		p.server, base64.StdEncoding.EncodeToString([]byte(said)), as))
	if err != nil {
		return err
	}
	return sameResult(got, []byte(said), p.revision == stateless)
}

// sameResult compares a result with what the server said, member for member:
// only what the contract adds may differ.
func sameResult(got, said []byte, stateless bool) error {
	want, err := members(said)
	if err != nil {
		return err
	}
	have, err := members(got)
	if err != nil {
		return err
	}
	if err := sameMeta(pick(got, "_meta"), pick(said, "_meta")); err != nil {
		return fmt.Errorf("_meta: %w", err)
	}
	if stateless && pick(said, "resultType") == nil {
		if v := string(pick(got, "resultType")); v != `"complete"` {
			return fmt.Errorf("got resultType %s, want complete", v)
		}
		have = without(have, `"resultType"`)
	}
	if structured := pick(said, "structuredContent"); !stateless && structured != nil && structured[0] != '{' {
		if err := sameContent(pick(got, "content"), pick(said, "content"), structured); err != nil {
			return fmt.Errorf("content: %w", err)
		}
		if pick(got, "structuredContent") != nil {
			return errors.New("got structuredContent that is no object, which this revision does not know")
		}
		have, want = without(have, `"content"`), without(want, `"content"`)
		want = without(want, `"structuredContent"`)
	}
	return sameMembers(without(have, `"_meta"`), without(want, `"_meta"`))
}

// sameMeta compares what is not the gateway's own, which must be there.
func sameMeta(got, said []byte) error {
	have, err := members(got)
	if err != nil {
		return err
	}
	for _, own := range []string{`"io.gatehouse/generation"`, `"io.gatehouse/call_id"`, `"io.gatehouse/origin"`} {
		if !slices.ContainsFunc(have, func(m member) bool { return m.key == own }) {
			return fmt.Errorf("got %s, want %s in it", got, own)
		}
		have = without(have, own)
	}
	var want []member
	if len(said) > 0 && said[0] == '{' { // Anything else is not MCP, and gives way.
		if want, err = members(said); err != nil {
			return err
		}
	}
	want = slices.DeleteFunc(want, func(m member) bool { // Nobody else may use these names.
		var name string
		return json.Unmarshal([]byte(m.key), &name) == nil && strings.HasPrefix(name, "io.gatehouse/")
	})
	return sameMembers(have, want)
}

// sameContent compares content to which structured content was added as text,
// unless it was there as text already.
func sameContent(got, said, structured []byte) error {
	have, err := elements(got)
	if err != nil {
		return err
	}
	var want []member
	if len(said) > 0 && said[0] == '[' { // Anything else is not MCP, and gives way.
		if want, err = elements(said); err != nil {
			return err
		}
	}
	for _, block := range want {
		if compact([]byte(text(pick([]byte(block.value), "text")))) == compact(structured) {
			return sameMembers(have, want)
		}
	}
	if len(have) != len(want)+1 {
		return fmt.Errorf("got %d blocks, want the server's %d and one more: %.300s", len(have), len(want), got)
	}
	last := []byte(have[len(want)].value)
	if string(pick(last, "type")) != `"text"` {
		return fmt.Errorf("got %s, want a text block", last)
	}
	if err := same([]byte(text(pick(last, "text"))), structured); err != nil {
		return err
	}
	return sameMembers(have[:len(want)], want)
}

func without(list []member, key string) []member {
	return slices.DeleteFunc(slices.Clone(list), func(m member) bool { return m.key == key })
}

func sameMembers(got, want []member) error {
	for i := range min(len(got), len(want)) {
		if got[i].key != want[i].key {
			return fmt.Errorf("member %d: got %.100s, want %.100s", i, got[i].key, want[i].key)
		}
		if err := same([]byte(got[i].value), []byte(want[i].value)); err != nil {
			return fmt.Errorf("member %d, %.100s: %w", i, want[i].key, err)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("got %d members, want %d: %.200v, %.200v", len(got), len(want), got, want)
	}
	return nil
}
