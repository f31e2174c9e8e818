//go:build unix

package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
)

// expectation is what must come for a message.
type expectation struct {
	answers int    // how many messages
	status  int    // of HTTP; 0 for any
	code    int    // of the error; 0 for no error, or any answer
	id      string // of the error; empty for none
	plainly string // the call that must be answered alike, if it is one
	untold  bool   // it depends on what came before
}

// maxMessage is the size beyond which the gateway refuses a message.
const maxMessage = 16 << 20

// expects is the reference: what a body is by the rules of JSON, of JSON-RPC and
// of MCP, read with encoding/json and without a thought of speed.
func (k talk) expects(body []byte) expectation {
	if len(body) > maxMessage {
		if k.overStdin() {
			return expectation{answers: 1, code: -32600, id: "1"}
		}
		return expectation{answers: 1, status: 413}
	}
	body = bytes.Trim(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	switch {
	case len(body) == 0 && k.overStdin():
		return expectation{}
	case len(body) > 0 && body[0] == '[':
		return k.batch(body)
	}
	return k.single(body)
}

// batch has one answer, unless there is nothing in it to answer. Which revisions
// have batches is what counts; those of stdio may have changed by an initialize
// on the way.
func (k talk) batch(body []byte) expectation {
	version := k.header.Get("Mcp-Protocol-Version")
	if !k.overStdin() && version != "" && version != "2025-03-26" {
		return k.fails(-32600, "")
	}
	var parts []json.RawMessage
	if json.Unmarshal(body, &parts) != nil || len(parts) == 0 || len(parts) > 100 {
		return expectation{answers: 1}
	}
	for _, part := range parts {
		if k.single(part).answers > 0 {
			return expectation{answers: 1}
		}
	}
	return expectation{untold: k.overStdin()}
}

// single is one message.
func (k talk) single(body []byte) expectation {
	switch {
	case !json.Valid(body):
		return k.fails(-32700, "")
	case body[0] != '{':
		return k.fails(-32600, "")
	}
	return k.object(body)
}

// fails is an error, under the status that the revision has for it.
func (k talk) fails(code int, id string) expectation {
	want := expectation{answers: 1, code: code, id: id, status: 400}
	if code == -32602 && k.header.Get("Mcp-Protocol-Version") != stateless {
		want.status = 200
	}
	return want
}

// object is a body that is a JSON object.
func (k talk) object(body []byte) expectation {
	message := fields(body)
	id := message.last("id")
	if !utf8.Valid(body) {
		if !validID(id) || !utf8.ValidString(id) {
			id = ""
		}
		return k.fails(-32600, id)
	}
	if id != "" && !validID(id) {
		return k.fails(-32600, "")
	}
	method, response := message.last("method"), significant(message.last("result"), message.last("error"))
	switch {
	case message.ambiguous("jsonrpc", "id", "method", "params", "result", "error"), text([]byte(message.last("jsonrpc"))) != "2.0":
		return k.fails(-32600, id)
	case method == "" && (message.last("result") != "" || message.last("error") != ""):
		return expectation{status: 202}
	case text([]byte(method)) == "", response:
		return k.fails(-32600, id)
	case id == "":
		return expectation{status: 202}
	}
	return k.request(id, text([]byte(method)), message.last("params"))
}

// request is one of any method.
func (k talk) request(id, method, params string) expectation {
	p := fields([]byte(params))
	meta := given(p.last("_meta"))
	if meta == "[]" { // So some languages write an empty object.
		meta = ""
	}
	m := fields([]byte(meta))
	switch {
	case p.ambiguous("_meta", "name", "arguments", "inputResponses", "requestState", "protocolVersion", "capabilities", "clientInfo", "cursor", "requestId"):
		return k.fails(-32600, id)
	case meta != "" && meta[0] != '{':
		return k.fails(-32602, id)
	case m.ambiguous("progressToken", mcp.MetaKeyProtocolVersion, mcp.MetaKeyClientInfo, mcp.MetaKeyClientCapabilities):
		return k.fails(-32600, id)
	}
	revision := text([]byte(m.last(mcp.MetaKeyProtocolVersion)))
	if code := k.headersFail(revision, method, text([]byte(p.last("name")))); code != 0 {
		want := k.fails(code, id)
		want.status = 400
		return want
	}
	if method != "tools/call" {
		return expectation{answers: 1}
	}
	if code := badCall(params, p, m, revision); code != 0 {
		return k.fails(code, id)
	}
	return expectation{answers: 1, plainly: plainCall(id, p, m, revision == stateless)}
}

// headersFail is the code for a request whose headers are not those that
// 2026-07-28 asks for, if it is one.
func (k talk) headersFail(revision, method, name string) int {
	header := k.header.Get("Mcp-Protocol-Version")
	switch {
	case k.overStdin() || header < stateless && revision < stateless:
		return 0
	case header == "":
		return -32020
	case revision == "":
		return -32602
	case header != revision, method != k.header.Get("Mcp-Method"), name != k.header.Get("Mcp-Name"):
		return -32020
	}
	return 0
}

// badCall is the code for what is wrong with a tools/call.
func badCall(params string, p, m object, revision string) int {
	name := p.last("name")
	modern := revision >= stateless
	var capabilities mcp.ClientCapabilities
	raw := strings.Replace(m.last(mcp.MetaKeyClientCapabilities), "[]", "{}", 1)
	switch {
	case !strings.HasPrefix(params, "{"), !strings.HasPrefix(name, `"`):
		return -32602
	case modern && (!strings.HasPrefix(raw, "{") || json.Unmarshal([]byte(raw), &capabilities) != nil):
		return -32602
	case modern && revision != stateless:
		return -32022
	case modern && given(p.last("inputResponses")) != "" && p.last("inputResponses")[0] != '{':
		return -32602
	case modern && given(p.last("requestState")) != "" && p.last("requestState")[0] != '"':
		return -32602
	case !slices.Contains([]string{"list_servers", "get_server_tools", "execute_tool"}, text([]byte(name))):
		return -32602
	}
	return 0
}

// plainCall writes a call anew, with what counts and nothing else.
func plainCall(id string, p, m object, modern bool) string {
	out := []string{fmt.Sprintf(`"name":%q`, text([]byte(p.last("name"))))}
	add := func(key, value string) {
		if given(value) != "" {
			out = append(out, fmt.Sprintf("%q:%s", key, value))
		}
	}
	add("arguments", p.last("arguments"))
	if modern {
		add("inputResponses", p.last("inputResponses"))
		add("requestState", p.last("requestState"))
	}
	var meta []string
	for _, f := range m {
		if f.key == "progressToken" && (given(f.value) == "" || len(f.value) > 1024) {
			continue
		}
		key, _ := json.Marshal(f.key)
		meta = append(meta, string(key)+":"+f.value)
	}
	if m != nil {
		out = append(out, `"_meta":{`+strings.Join(meta, ",")+"}")
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{%s}}`, id, strings.Join(out, ","))
}

// object is the members of a JSON object with their keys decoded; nil if there is no object.
type object []member

func fields(raw []byte) object {
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	list, err := members(raw)
	if err != nil {
		return nil
	}
	out := object{}
	for _, m := range list {
		out = append(out, member{text([]byte(m.key)), m.value})
	}
	return out
}

// last is the value of the last member of that name, empty for none.
func (o object) last(name string) string {
	value := ""
	for _, m := range o {
		if m.key == name {
			value = m.value
		}
	}
	return value
}

// ambiguous reports whether one of these names occurs twice, or in another
// letter case.
func (o object) ambiguous(names ...string) bool {
	seen := map[string]bool{}
	for _, m := range o {
		for _, name := range names {
			if strings.EqualFold(m.key, name) {
				if seen[name] || m.key != name {
					return true
				}
				seen[name] = true
			}
		}
	}
	return false
}

func given(value string) string {
	if value == "null" {
		return ""
	}
	return value
}

// significant reports whether one of the values is there and not null.
func significant(values ...string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return given(v) != "" })
}

// validID reports whether a value is an id: a string or an integer.
func validID(id string) bool {
	if id == "" || len(id) > 1024 {
		return false
	}
	return id[0] == '"' || strings.Trim(id, "-0123456789") == ""
}
