package agents

import "encoding/json"

// Request is what a reading of a tools/call found, for tests.
type Request struct {
	ID, Args, Meta, Token, Version, Client, Capabilities, InputResponses, RequestState json.RawMessage
	Name                                                                               string
	Stateless                                                                          bool
}

// ReadQuickly returns what the one scan of a message finds; false if it leaves
// the message to Read.
func ReadQuickly(b []byte) (Request, bool) {
	r, ok := quickToolRequest(b)
	return requestOf(r), ok
}

// Read returns what is found of any message; false if it is not a tools/call or
// something is wrong with it.
func Read(b []byte) (Request, bool) {
	m, failure := parseMessage(b)
	if failure != nil || !m.isToolCall() {
		return Request{}, false
	}
	r, failure := readToolRequest(m, httpRevisions)
	return requestOf(r), failure == nil
}

func requestOf(r toolRequest) Request {
	return Request{
		ID: r.id, Name: r.name, Args: r.args, InputResponses: r.inputResponses, RequestState: r.requestState, Stateless: r.stateless,
		Meta: r.meta.whole, Token: r.meta.token, Version: r.meta.version, Client: r.meta.client, Capabilities: r.meta.capabilities,
	}
}
