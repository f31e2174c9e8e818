//go:build unix

package wire_test

import (
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// message is what an agent may send: good, or bad in one way.
type message struct {
	name   string
	body   string
	header http.Header // instead of the usual ones; nil for those
}

// field is a member of a well-formed tools/call: where it is, and its value
// unless it is an object that has fields here.
type field struct{ parent, key, value string }

// legacyCall and statelessCall are well-formed calls of the two generations.
var (
	legacyCall = shape{
		{"", "jsonrpc", `"2.0"`},
		{"", "id", "1"},
		{"", "method", `"tools/call"`},
		{"", "params", ""},
		{"params", "name", `"execute_tool"`},
		{"params", "arguments", ""},
		{"arguments", "server", `"pipe"`},
		{"arguments", "tool", `"mirror"`},
		{"arguments", "args", `{"a":1.0,"<b>":"\u003c"}`},
		{"params", "_meta", ""},
		{"_meta", "progressToken", `"t"`},
	}
	statelessCall = append(slices.Clip(legacyCall),
		field{"_meta", "io.modelcontextprotocol/protocolVersion", `"2026-07-28"`},
		field{"_meta", "io.modelcontextprotocol/clientInfo", `{"name":"wire","version":"1"}`},
		field{"_meta", "io.modelcontextprotocol/clientCapabilities", `{}`},
	)
)

// shape is the fields of a message, in their order.
type shape []field

// text writes the message. change is called with the usual text of each member,
// such as `"id":1`, and returns the one to write, empty for none.
func (s shape) text(change func(field, string) string) string { return s.object("", change) }

func (s shape) object(parent string, change func(field, string) string) string {
	var parts []string
	for _, f := range s {
		if f.parent != parent {
			continue
		}
		value := f.value
		if value == "" {
			value = s.object(f.key, change)
		}
		if text := change(f, fmt.Sprintf("%q:%s", f.key, value)); text != "" {
			parts = append(parts, text)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func unchanged(_ field, text string) string { return text }

// plain is the message as it should be.
func (s shape) plain() string { return s.text(unchanged) }

// oddValues are values that a member should not have, or could have.
var oddValues = []string{
	"null", "true", "false", "0", "-0", "1", "-1", "1.0", "1.5", "1e3", "1E400", "9007199254740993", "-9007199254740993",
	strings.Repeat("9", 400), strings.Repeat("9", 1024), strings.Repeat("9", 1025),
	`""`, `"x"`, `"\u0078"`, `"\ud800"`, `"é😀"`, `"` + strings.Repeat("x", 1022) + `"`, `"` + strings.Repeat("x", 1023) + `"`,
	`"execute_to\u006fl"`, `"tools\/call"`, `"m\u0065thod"`, `"2025-11-25"`, `"2.0 "`, "[]", "{}", `{"a":1}`, `[{"a":[]}]`, `"{}"`, `"{\"a\":1}"`,
	"", "nul", `"open`, "{", "01", "+1", "'x'",
}

// variations are a message with each of its members changed in every way.
func (s shape) variations() []message {
	list := []message{{name: "as it should be", body: s.plain()}}
	for _, target := range s {
		add := func(name string, change func(text string) string) {
			body := s.text(func(f field, text string) string {
				if f == target {
					return change(text)
				}
				return text
			})
			list = append(list, message{name: target.key + " " + name, body: body})
		}
		add("missing", func(string) string { return "" })
		add("twice", func(text string) string { return text + "," + text })
		for _, v := range oddValues {
			add(fmt.Sprintf("is %.40s (%d)", v, len(v)), func(string) string { return fmt.Sprintf("%q:%s", target.key, v) })
		}
		for _, v := range []string{"null", "2", `"x"`, "{}", "nul"} {
			odd := fmt.Sprintf("%q:%s", target.key, v)
			add("is twice, first "+v, func(text string) string { return odd + "," + text })
			add("is twice, last "+v, func(text string) string { return text + "," + odd })
		}
		for _, key := range spellings(target.key) {
			add("spelt "+key, func(text string) string {
				return `"` + key + `"` + strings.TrimPrefix(text, fmt.Sprintf("%q", target.key))
			})
			add("and "+key, func(text string) string { return text + `,"` + key + `":1` })
		}
	}
	return list
}

// spellings of a key that are or are not the key.
func spellings(key string) []string {
	return []string{
		fmt.Sprintf(`\u%04x%s`, key[0], key[1:]), strings.ToUpper(key), strings.ToUpper(key[:1]) + key[1:], key + " ", "x-" + key,
	}
}

// texts are the message between, behind and in pieces of what does not belong
// there.
func (s shape) texts() []message {
	body := s.plain()
	list := []message{
		{name: "nothing"},
		{name: "white space", body: " \t\r\n "},
		{name: "a zero byte", body: "\x00"},
		{name: "a byte order mark before", body: "\ufeff" + body},
		{name: "white space around", body: " \t\r\n" + body + " \r\n\t"},
		{name: "white space between tokens", body: strings.NewReplacer(`":`, "\" :\t", `,"`, " ,\n\"").Replace(body)},
		{name: "garbage behind", body: body + "x"},
		{name: "a brace behind", body: body + "}"},
		{name: "another message behind", body: body + body},
		{name: "a zero byte behind", body: body + "\x00"},
		{name: "a comma before the end", body: body[:len(body)-1] + ",}"},
		{name: "a comment", body: body[:len(body)-1] + "/* c */}"},
		{name: "an unknown member", body: body[:len(body)-1] + `,"vendor":{"a":1}}`},
		{name: "a result beside", body: body[:len(body)-1] + `,"result":{}}`},
		{name: "an error beside", body: body[:len(body)-1] + `,"error":{"code":1,"message":"m"}}`},
		{name: "not UTF-8 in a value", body: strings.Replace(body, `1.0`, "\"\xff\xfe\"", 1)},
		{name: "not UTF-8 in a key", body: strings.Replace(body, `"a"`, "\"\xc3\x28\"", 1)},
		{name: "not UTF-8 in the tool's name", body: strings.Replace(body, `mirror`, "mirror\x80", 1)},
		{name: "not UTF-8 in the id", body: strings.Replace(body, `"id":1`, "\"id\":\"\xed\xa0\x80\"", 1)},
		{name: "a control byte in a string", body: strings.Replace(body, `mirror`, "mir\x01ror", 1)},
		{name: "a number that overflows in args", body: strings.Replace(body, `1.0`, "[1e400,-1e400,1e-400,123456789012345678901234567890]", 1)},
		{name: "lone surrogates in args", body: strings.Replace(body, `"a":1.0`, `"\ud800":"\udc00\ud800","\u2028":"`+"\u2028"+`"`, 1)},
		{name: "keys twice in args", body: strings.Replace(body, `"a":1.0`, `"a":1,"a":2,"A":3`, 1)},
		{name: "an array", body: "[" + body + "]"},
		{name: "an array of two", body: "[" + body + "," + body + "]"},
		{name: "an empty array", body: "[]"},
		{name: "an array in an array", body: "[[" + body + "]]"},
		{name: "an array that is cut", body: "[" + body},
		{name: "null", body: "null"},
		{name: "a string", body: `"tools/call"`},
		{name: "an empty object", body: "{}"},
	}
	for _, depth := range []int{100, 9990, 9994, 9995, 9996, 9997, 9998, 9999, 10000, 10001, 11000, 100000} {
		deep := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		list = append(list, message{name: fmt.Sprintf("nesting of %d in args", depth), body: strings.Replace(body, "1.0", deep, 1)})
	}
	for i := range 24 {
		list = append(list, message{name: fmt.Sprintf("cut, %d", i), body: body[:len(body)*i/24]})
	}
	return list
}

// calls are well-formed calls of all that can be called, and other methods.
func (s shape) calls() []message {
	var list []message
	add := func(name, key, value string) {
		list = append(list, message{name: name, body: s.text(func(f field, text string) string {
			if f.key == key {
				return fmt.Sprintf("%q:%s", key, value)
			}
			return text
		})})
	}
	for name, arguments := range inOrder(map[string]string{
		"no arguments": `{}`, "an unknown argument": `{"server":"pipe","tool":"mirror","a":1}`,
		"args and arguments":     `{"server":"pipe","tool":"mirror","args":{},"arguments":{}}`,
		"args as a string":       `{"server":"pipe","tool":"mirror","args":"{\"a\":1.0}"}`,
		"args of a wrong type":   `{"server":"pipe","tool":"mirror","args":[1]}`,
		"another agent":          `{"server":"pipe","tool":"mirror","agent_id":"b"}`,
		"an agent that is none":  `{"server":"pipe","tool":"mirror","agent_id":"b@c"}`,
		"a server that is none":  `{"server":"<none>","tool":"mirror"}`,
		"a tool that is none":    `{"server":"pipe","tool":"mirror<x>"}`,
		"a forbidden tool":       `{"server":"pipe","tool":"crash"}`,
		"a JSON-RPC error":       `{"server":"pipe","tool":"rpcerror"}`,
		"a failure":              `{"server":"pipe","tool":"fail","args":{"message":"<b>"}}`,
		"progress":               `{"server":"pipe","tool":"progress","args":{"n":3}}`,
		"structured, no object":  `{"server":"pipe","tool":"oddities","args":{"kind":"array-structured"}}`,
		"big integers":           `{"server":"pipe","tool":"oddities","args":{"kind":"big-ints"}}`,
		"unknown content":        `{"server":"web","tool":"oddities","args":{"kind":"unknown-content"}}`,
		"no content":             `{"server":"web","tool":"oddities","args":{"kind":"no-content"}}`,
		"HTML":                   `{"server":"web","tool":"oddities","args":{"kind":"html"}}`,
		"a timeout that is none": `{"server":"pipe","tool":"mirror","timeout_ms":1}`,
		"a timeout as a string":  `{"server":"pipe","tool":"mirror","timeout_ms":"60000"}`,
		"space in arguments":     "{ \"server\" : \"pipe\" ,\n\"tool\":\"mirror\" , \"args\" : { \"a\" : [ ] } }",
	}) {
		add("execute_tool, "+name, "arguments", arguments)
	}
	for _, method := range []string{
		"ping", "tools/list", "initialize", "server/discover", "nonsense", "notifications/initialized", "notifications/cancelled", "Tools/call",
		"tools/call ", "tools", "prompts/list", "resources/list", "completion/complete", "logging/setLevel", "tasks/list",
	} {
		add("method "+method, "method", fmt.Sprintf("%q", method))
	}
	for name, params := range inOrder(map[string]string{
		"list_servers": `{"name":"list_servers"}`, "list_servers, arguments null": `{"name":"list_servers","arguments":null}`,
		"list_servers, with metadata": `{"name":"list_servers","arguments":{"include_metadata":"true"}}`,
		"get_server_tools":            `{"name":"get_server_tools","arguments":{"server":"web","names":"oddities, none"}}`,
		"get_gateway_status":          `{"name":"get_gateway_status"}`,
		"an unknown tool":             `{"name":"<nope>"}`,
		"an unknown parameter":        `{"name":"list_servers","vendor":1}`,
		"a task":                      `{"name":"list_servers","task":{"ttl":1}}`,
		"input responses":             `{"name":"list_servers","inputResponses":{},"requestState":"s"}`,
		"input responses, a number":   `{"name":"list_servers","inputResponses":1}`,
		"input responses, of numbers": `{"name":"list_servers","inputResponses":{"a":1},"requestState":"s"}`,
		"input responses, of objects": `{"name":"list_servers","inputResponses":{"a":{"action":"accept","n":1e400}}}`,
		"input responses, null":       `{"name":"list_servers","inputResponses":null,"requestState":null}`,
		"request state, an object":    `{"name":"list_servers","requestState":{}}`,
		"capabilities":                `{"name":"list_servers","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"x":{"y":1}}}}`,
		"capabilities, wrong":         `{"name":"list_servers","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":1}}}`,
		"another revision":            `{"name":"list_servers","_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}}`,
		"a revision that is none":     `{"name":"list_servers","_meta":{"io.modelcontextprotocol/protocolVersion":"2031-01-01","io.modelcontextprotocol/clientCapabilities":{}}}`,
		"_meta with other members":    `{"name":"list_servers","_meta":{"a":1,"b":{"c":1e400},"io.modelcontextprotocol/logLevel":"debug"}}`,
	}) {
		add("params, "+name, "params", params)
	}
	return list
}

// headers are the message under headers that fit, don't, or are not there.
func (s shape) headers() []message {
	var list []message
	for key, values := range inOrder(map[string][]string{
		"Mcp-Protocol-Version": {"", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "2031-01-01", "garbage", "2025-11-25, 2025-06-18"},
		"Mcp-Session-Id":       {"", "garbage", "mcp-session-00000000-0000-4000-8000-000000000000", "é"},
		"Mcp-Method":           {"", "tools/call", "tools/list", "TOOLS/CALL", " tools/call "},
		"Mcp-Name":             {"", "execute_tool", "Execute_Tool", "list_servers", "=?base64?ZXhlY3V0ZV90b29s?=", "=?base64?!?=", "mirror"},
		"Mcp-Param-Server":     {"", "pipe", "other"},
		"Accept":               {"", "*/*", "application/json", "text/event-stream", "text/html", "application/*", "text/event-stream;q=0", "garbage;;"},
		"Content-Type": {
			"", "application/json; charset=utf-8", "application/json;charset=latin1", "APPLICATION/JSON", "text/plain", "application/json,",
			"application/problem+json", "application/json; ;", "multipart/form-data",
		},
		"Content-Encoding": {"gzip", "identity"},
		"Last-Event-Id":    {"1"},
		"Origin":           {"http://evil.example", "null", "http://localhost:1"},
	}) {
		for _, v := range values {
			list = append(list, message{name: fmt.Sprintf("header %s: %s", key, v), body: s.plain(), header: http.Header{key: {v}}})
		}
		list = append(list, message{name: "header " + key + " twice", body: s.plain(), header: http.Header{key: {values[0], values[len(values)-1]}}})
	}
	return list
}

// inOrder goes through a map by its keys, so that fuzz seeds keep their numbers.
func inOrder[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}
