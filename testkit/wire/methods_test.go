//go:build unix

package wire_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// odd are results of the methods beside tools, each with a value of the corpus in a
// place that clients may read.
var odd = []struct {
	method, result string
	params         func(coded string) string
}{
	{"resources/read", `{"contents":[{"uri":"note://x","text":"","odd":%s}]}`, func(coded string) string { return fmt.Sprintf(`{"uri":%q}`, coded) }},
	{"prompts/get", `{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"note://x","text":"","odd":%s}}}]}`, func(coded string) string {
		return fmt.Sprintf(`{"name":"greet","arguments":{"who":%q}}`, coded)
	}},
	{"completion/complete", `{"completion":{"values":[],"odd":%s}}`, func(coded string) string {
		return fmt.Sprintf(`{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"who","value":%q}}`, coded)
	}},
}

// say is a result with a value in it, as it can be sent to the server of a path, and the
// text by which that is asked for it.
func (p path) say(result, value string) (said []byte, coded string) {
	said = fmt.Appendf(nil, result, value)
	if strings.HasPrefix(p.server, "pipe") {
		said = onOneLine(said)
	}
	return said, "say:" + base64.RawURLEncoding.EncodeToString(said)
}

// honest are the results of the corpus without those that claim to be the gateway's,
// from which something is taken out.
func honest(t *testing.T) (list []testCase) {
	t.Helper()
	for _, c := range cases(t, "results.txt") {
		if !strings.Contains(c.json, "io.gatehouse/") {
			list = append(list, c)
		}
	}
	return list
}

// What servers answer to the methods beside tools passes value for value.
func TestLossless_oneServer_methods(t *testing.T) {
	for _, p := range openServers(t, "--whole") {
		for _, o := range odd {
			for _, c := range honest(t) {
				said, coded := p.say(o.result, c.json)
				params, name := o.params(coded), ""
				switch o.method {
				case "resources/read":
					name = coded
				case "prompts/get":
					name = "greet"
				}
				member, _, _ := strings.Cut(strings.TrimPrefix(o.result, `{"`), `"`)
				if err := same(pick(p.result(t, o.method, name, params), member), pick(said, member)); err != nil {
					t.Errorf("%s, %s, %s: %v", p, o.method, c.name, err)
				}
			}
		}
	}
}

// On the gate they are tools: resources come as blocks, and so do the parts of prompts
// that are no text.
func TestLossless_gate_methods(t *testing.T) {
	h := open(t, "--whole")
	for _, p := range h.paths() {
		for _, o := range odd[:2] {
			for _, c := range honest(t) {
				said, coded := p.say(o.result, c.json)
				got, err := p.call(t.Context(), "execute_tool", fmt.Sprintf(`{"agent_id":"a","server":%q,"tool":%q,"args":%s}`, p.server, o.method, o.params(coded)))
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", p, o.method, c.name, err)
				}
				blocks, err := elements(pick(got, "content"))
				if err != nil || len(blocks) == 0 {
					t.Fatalf("%s, %s, %s: got %s, want blocks", p, o.method, c.name, got)
				}
				block := []byte(blocks[len(blocks)-1].value)
				part, want := pick(block, "resource"), first(pick(said, "contents"))
				if o.method == "prompts/get" {
					part, want = block, pick(first(pick(said, "messages")), "content")
				}
				if err := same(part, want); err != nil {
					t.Errorf("%s, %s, %s: %v", p, o.method, c.name, err)
				}
			}
		}
	}
	for _, p := range h.paths() {
		p.listsMethods(t)
	}
}

// listsMethods compares what the gate lists of a server that has more than tools.
func (p path) listsMethods(t *testing.T) {
	t.Helper()
	for tool, lists := range map[string]map[string]string{
		"resources/list": {
			"resources":         `[{ "uri":"note://a/%7Eb",  "name":"one","size":1.0,"big":9007199254740993,"_meta":{"x":[1e400]} }]`,
			"resourceTemplates": `[{"uriTemplate":"note://{id}/{+rest}","name":"any",  "odd":"\u00e9"}]`,
		},
		"prompts/list": {"prompts": `[{"name":"greet","arguments":[{"name":"who","required":true,"odd":1.00}]}]`},
	} {
		got, err := p.call(t.Context(), "execute_tool", fmt.Sprintf(`{"agent_id":"a","server":%q,"tool":%q}`, p.server, tool))
		if err != nil {
			t.Fatalf("%s, %s: %v", p, tool, err)
		}
		for member, want := range lists {
			if err := same(pick(pick(got, "structuredContent"), member), []byte(want)); err != nil {
				t.Errorf("%s, %s: %v", p, tool, err)
			}
		}
	}
}

// first is the first element of an array.
func first(array []byte) []byte {
	all, err := elements(array)
	if err != nil || len(all) == 0 {
		return nil
	}
	return []byte(all[0].value)
}
