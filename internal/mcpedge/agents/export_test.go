package agents

import (
	"encoding/json"

	"gatehouse/internal/rawjson"
)

// Request is what a reading of a tools/call found, for tests.
type Request struct {
	ID, Args, Meta, Token, Version, Client, Capabilities, InputResponses, RequestState json.RawMessage
	Method, Name                                                                       string
}

// ReadInLane gives the fast lane's reading of a message; false if it is not for
// the lane.
func ReadInLane(b []byte) (Request, bool) {
	r, ok := readToolRequest(b)
	return Request{
		ID: r.id, Method: "tools/call", Name: r.name, Args: r.args, InputResponses: r.inputResponses, RequestState: r.requestState,
		Meta: r.meta.whole, Token: r.meta.token, Version: r.meta.version, Client: r.meta.client, Capabilities: r.meta.capabilities,
	}, ok
}

// ReadInDetour gives the reading of all other messages.
func ReadInDetour(b []byte) (Request, bool) {
	m, failure := parseMessage(b)
	return Request{
		ID: m.id, Method: m.method, Name: toolNameOf(m.params), Args: rawjson.Get(m.params, "arguments"),
		InputResponses: rawjson.Get(m.params, "inputResponses"), RequestState: rawjson.Get(m.params, "requestState"),
		Meta: m.meta.whole, Token: m.meta.token, Version: m.meta.version, Client: m.meta.client, Capabilities: m.meta.capabilities,
	}, failure == nil
}
