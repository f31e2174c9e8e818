package relay

import (
	"encoding/json"
	"fmt"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
)

// The values of resultType: what a server of 2026-07-28 answers with. Absent
// means complete.
const (
	complete = "complete"
	// inputRequired asks the caller, in the place of a result, for something
	// that the server needs to go on. The caller answers by a new call.
	inputRequired = "input_required"
	// task promises a result that is to be asked for later, which the gate
	// offers no way to do.
	task = "task"
)

// kind is the result's resultType.
func (r Result) kind() string {
	value := r.ResultType.Of(r.Raw)
	if len(value) == 0 {
		return complete
	}
	return rawjson.Text(value)
}

// Complete reports whether it is what was asked for, and not a question for input
// or a promise.
func (r Result) Complete() bool { return r.kind() == complete }

// promised is the id of the task that a server answers with in place of a
// result; ok is false if it is not a task. Older revisions have no resultType.
func (r Result) promised() (id string, ok bool) {
	if r.kind() == complete && r.Content != (endpoint.Span{}) {
		return "", false // What nearly all results are.
	}
	inner := rawjson.Get(r.Raw, "task")
	id = rawjson.Text(rawjson.Get(inner, "taskId"))
	if id == "" {
		id = rawjson.Text(rawjson.Get(r.Raw, "taskId"))
	}
	return id, r.kind() == task || rawjson.First(inner) == '{' && id != "" && r.Structured == (endpoint.Span{})
}

// RefuseTask says that the result of a call can't be had, and under which name
// the server has it.
func RefuseTask(a *front.Attempt, id string) error {
	named := ""
	if id != "" {
		named = fmt.Sprintf(" (%q)", front.Shown(a.Route.Redact.String(id)))
	}
	return &front.Failure{
		Code: front.CodeServerError, MayHaveRun: true,
		Message: fmt.Sprintf("%q answered with a task%s in place of a result, although it was not told that tasks can be followed here; "+
			"its result cannot be read through this gateway, and it may still be running. Check before repeating, and tell the user.", a.Route.Entry.Name, named),
	}
}

// refuseResult says that a server answered with a kind of result that nobody
// here knows.
func refuseResult(a *front.Attempt, kind json.RawMessage) error {
	return &front.Failure{
		Code: front.CodeServerError, MayHaveRun: true,
		Message: fmt.Sprintf("%q answered with a resultType that this gateway does not know, %s; its result was dropped, and the tool has run. Tell the user.",
			a.Route.Entry.Name, front.Shown(a.Route.Redact.String(string(kind)))),
	}
}
