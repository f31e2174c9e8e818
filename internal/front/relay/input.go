package relay

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/snapshot"
)

// input lets a server's question through to the caller, keeps it for one of an older
// revision that can be asked, or says why it can't get there.
func (c *Call) input(a *front.Attempt, answer Result) (Result, error) {
	why := ""
	switch {
	case beforeStateless(c.Caller.Protocol) && a.Server.Stateless() && c.canAnswer(rawjson.Get(answer.Raw, "inputRequests")):
		c.question(answer)
		return Result{}, nil
	case beforeStateless(c.Caller.Protocol) && c.Sent.Asks != nil:
		why = "your MCP client does not say that it can be asked for that"
	case beforeStateless(c.Caller.Protocol):
		why = "your MCP client speaks a revision before " + stateless + " and can't pass such a question on"
	case !a.Server.Stateless():
		why = "it asked in a way that the MCP revision it speaks does not have"
	default:
		c.Record.Outcome = inputRequired
		return answer, nil
	}
	return Result{}, &front.Failure{
		Code: front.CodeServerError, MayHaveRun: true,
		Message: fmt.Sprintf("%q needs an answer from the user before it can finish this%s, but %s. Not finished. "+
			"If the tool takes the answer as a parameter, ask the user and put it inside args; else tell the user.",
			a.Route.Entry.Name, questions(a.Route, answer), why),
	}
}

// maxQuestions is how many of a server's questions are shown.
const maxQuestions = 3

// maxQuestionBytes is how large a part of a question may be to be shown.
const maxQuestionBytes = 64 << 10

// questions shows what a server asks for, the first few by their keys. What
// can't be read is not shown.
func questions(r *snapshot.Route, answer Result) string {
	type question struct{ key, text string }
	var first []question
	requests := rawjson.Get(answer.Raw, "inputRequests")
	rawjson.Each(requests, func(key []byte, start, end int) {
		i, _ := slices.BinarySearchFunc(first, string(key), func(q question, key string) int { return strings.Compare(q.key, key) })
		method := shortText(rawjson.Get(requests[start:end], "method"))
		if i >= maxQuestions || method == "" {
			return
		}
		message := shortText(rawjson.Get(rawjson.Get(requests[start:end], "params"), "message"))
		text := front.Brief(r.Redact.String(strings.TrimSuffix(method+": "+message, ": ")))
		first = slices.Insert(first, i, question{string(key), text})
		first = first[:min(len(first), maxQuestions)]
	})
	var shown []string
	for _, q := range first {
		shown = append(shown, q.text)
	}
	if shown == nil {
		return ""
	}
	return " (" + strings.Join(shown, "; ") + ")"
}

// shortText is the text of a string that is not too long to be shown.
func shortText(value json.RawMessage) string {
	if len(value) > maxQuestionBytes {
		return ""
	}
	return rawjson.Text(value)
}
