package gate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/snapshot"
)

// params are the params of tools/call as a server gets them. An answer to what
// a server has asked for reaches it where it can have asked.
func (c *call) params(server endpoint.ServerInfo) json.RawMessage {
	params := callParams(c.args, c.meta)
	if !server.Stateless() {
		return params
	}
	if c.sent.InputResponses != nil {
		params = rawjson.Set(params, "inputResponses", c.sent.InputResponses)
	}
	if c.sent.RequestState != nil {
		params = rawjson.Set(params, "requestState", c.sent.RequestState)
	}
	return params
}

// input lets a server's question through to the caller, or says why it can't
// get there: that takes a revision that knows such questions, on both sides.
func (c *call) input(a *front.Attempt, answer result) (result, error) {
	why := ""
	switch {
	case beforeStateless(c.Caller.Protocol):
		why = "your MCP client speaks a revision before " + stateless + " and can't pass such a question on"
	case !a.Server.Stateless():
		why = "it asked in a way that the MCP revision it speaks does not have"
	default:
		c.Record.Outcome = inputRequired
		return answer, nil
	}
	return result{}, &front.Failure{
		Code: front.CodeServerError, MayHaveRun: true,
		Message: fmt.Sprintf("%q needs an answer from the user before it can finish this%s, but %s. Not finished. "+
			"If the tool takes the answer as a parameter, ask the user and put it inside args; else tell the user.",
			a.Route.Entry.Name, questions(a.Route, answer), why),
	}
}

// maxQuestions is how many of a server's questions are shown.
const maxQuestions = 3

// questions shows what a server asks for.
func questions(r *snapshot.Route, answer result) string {
	var requests map[string]struct {
		Method string `json:"method"`
		Params struct {
			Message string `json:"message"`
		} `json:"params"`
	}
	_ = rawjson.Decode(rawjson.Get(answer.raw, "inputRequests"), &requests) // What can't be read is not shown.
	var shown []string
	for _, key := range slices.Sorted(maps.Keys(requests)) {
		if q := requests[key]; q.Method != "" && len(shown) < maxQuestions {
			shown = append(shown, front.Brief(r.Redact.String(strings.TrimSuffix(q.Method+": "+q.Params.Message, ": "))))
		}
	}
	if shown == nil {
		return ""
	}
	return " (" + strings.Join(shown, "; ") + ")"
}
