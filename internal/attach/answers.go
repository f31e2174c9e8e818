package attach

import (
	"bytes"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
)

// The codes of the relay's own answers.
const (
	codeLost        = "GATEWAY_LOST"
	codeUnavailable = "GATEWAY_UNAVAILABLE"
)

// ShuttingDown begins the message of a gateway that ends and did not run a call.
const ShuttingDown = "The gateway is shutting down; not run."

// fate is what became of a request that the gateway did not answer.
type fate struct {
	code, text string
	mayHaveRun bool
	forGood    bool // to try again is of no use
}

var fateUnknown = fate{
	code: codeLost, mayHaveRun: true,
	text: "The gateway ended while running this; it may have taken effect. Check before repeating.",
}

// fateNoMCP is for an address behind which something else answers: to try again is of no
// use.
var fateNoMCP = fate{
	code: codeUnavailable, forGood: true,
	text: "The address that attach was given with --url has no MCP there (it answers 404 Not Found); not run. " +
		"Don't try again: tell the user to correct the path of --url, or to see whether the server that it names is there and allowed.",
}

// maxReason is how much of a reason an answer repeats, in bytes.
const maxReason = 300

func notRun(reason string) fate {
	return fate{code: codeUnavailable, text: "The gateway cannot be reached (" + textcut.Marked(reason, maxReason) +
		"); not run. Try again after 5 s, at most twice, then tell the user."}
}

// shape is what the answers to a client look like.
type shape struct {
	modern   bool // of the newest revision, which asks for more members
	ownTools bool // see RelayOptions
}

// shape is that of this client's answers. The caller holds mu.
func (r *Relay) shape() shape {
	return shape{modern: r.session.params == nil, ownTools: r.opts.OwnTools}
}

// answer is the answer to a request, or a whole batch, that the gateway owes.
func (r *request) answer(f fate, as shape) []byte {
	if r.batch == nil {
		return answerTo(r.id, r.method, f, as)
	}
	out := []byte{'['}
	for i, id := range r.batch {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, answerTo(id, methodCall, f, as)...)
	}
	return append(out, ']')
}

func answerTo(id []byte, method string, f fate, as shape) []byte {
	if method != methodCall {
		failure := rawjson.AppendString([]byte(`{"code":-32603,"message":`), f.text)
		return jsonrpc.AppendError(nil, id, append(failure, '}'))
	}
	out := rawjson.AppendString([]byte(`{"content":[{"type":"text","text":`), f.text)
	if as.ownTools {
		out = append(f.appendTo(append(out, `}],"isError":true,"_meta":{"io.gatehouse/origin":"gateway","io.gatehouse/error":`...)), '}')
	} else {
		out = append(f.appendTo(append(out, `}],"structuredContent":{"error":`...)), `},"isError":true,"_meta":{"io.gatehouse/origin":"gateway"}`...)
	}
	if as.modern {
		out = append(out, `,"resultType":"complete"`...)
	}
	return jsonrpc.AppendResult(nil, id, append(out, '}'))
}

// appendTo appends the error as an object.
func (f fate) appendTo(out []byte) []byte {
	out = rawjson.AppendString(append(out, `{"code":`...), f.code)
	out = rawjson.AppendString(append(out, `,"message":`...), f.text)
	if f.mayHaveRun {
		return append(out, `,"may_have_run":true}`...)
	}
	if f.forGood {
		return append(out, '}')
	}
	return append(out, `,"retry_after_ms":5000}`...)
}

// maxRefusal is more than a refusal of a gateway that ends has.
const maxRefusal = 4 << 10

// savedFrom reports whether an answer says that the gateway ends and has not run a
// call that can be sent to the next one. Whose words a result is, no server can
// forge.
func (r *request) savedFrom(line []byte) bool {
	if r.method != methodCall || r.line == nil || len(line) > maxRefusal || !bytes.Contains(line, []byte(ShuttingDown)) {
		return false
	}
	result := rawjson.Get(line, "result")
	meta := rawjson.Get(result, "_meta")
	failure := rawjson.Get(rawjson.Get(result, "structuredContent"), "error")
	if failure == nil {
		failure = rawjson.Get(meta, "io.gatehouse/error")
	}
	return rawjson.Text(rawjson.Get(meta, "io.gatehouse/origin")) == "gateway" &&
		bytes.HasPrefix([]byte(rawjson.Text(rawjson.Get(failure, "message"))), []byte(ShuttingDown))
}

// params are those of a request that is kept.
func (r *request) params() []byte {
	if m, ok := jsonrpc.Read(bytes.TrimPrefix(bytes.TrimSuffix(r.line, []byte("\n")), []byte("\uFEFF"))); ok && len(m.Params) > 0 {
		return bytes.Clone(m.Params)
	}
	return []byte("{}")
}
