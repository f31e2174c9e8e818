package surface

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tasks"
)

// The methods by which clients follow tasks.
const (
	tasksGet    = "tasks/get"
	tasksUpdate = "tasks/update"
	tasksCancel = "tasks/cancel"
	tasksResult = "tasks/result"
	tasksList   = "tasks/list"
)

// rpcMissingCapability says that a client must declare what it uses.
const rpcMissingCapability = -32021

// isTaskMethod reports whether a request is about tasks, in the client's revision.
func (v *visit) isTaskMethod() bool {
	switch {
	case v.Tasks == nil:
		return false
	case v.caller.Protocol >= endpoint.StatelessRevision:
		return slices.Contains([]string{tasksGet, tasksUpdate, tasksCancel}, v.r.Method)
	case v.caller.Protocol == tasksRevision:
		return slices.Contains([]string{tasksGet, tasksResult, tasksList, tasksCancel}, v.r.Method)
	}
	return false
}

// aboutTasks serves what concerns tasks of a server; "" is all servers.
func (v *visit) aboutTasks(server string) ([]byte, *agents.Error) {
	stateless := v.caller.Protocol >= endpoint.StatelessRevision
	id := rawjson.Get(v.r.Params, memberID)
	switch {
	case stateless && declared(v.r.Capabilities, extensionTasks) == nil:
		return v.dst, rpcError(rpcMissingCapability, "your client must declare the extension "+extensionTasks,
			json.RawMessage(`{"requiredCapabilities":{"extensions":{"`+extensionTasks+`":{}}}}`))
	case v.r.Method == tasksList:
		return v.listTasks(server)
	case rawjson.First(id) != '"' || len(id) > maxNameBytes:
		return v.refuse("params.taskId must be the id of a task")
	case v.r.Method == tasksUpdate && v.param("inputResponses", '{') == nil:
		return v.refuse("params.inputResponses must be an object")
	}
	t, ok := v.findTask(server, rawjson.Text(id), stateless)
	switch {
	case !ok:
		return v.noSuchTask(server, rawjson.Text(id))
	case t.Run.Session() == nil:
		return v.lostTask(&t)
	case !stateless && v.caller.Inbox != nil:
		v.Tasks.book.Follow(t.ID, v.teller(t.ID))
	}
	return v.forward(t.Server, passing{
		kind: &tools, name: t.Tool, notThere: rpcInvalidParams, of: &t.Run, patient: v.r.Method == tasksResult,
		members: []relay.Member{{Name: memberID, Value: rawjson.AppendString(nil, t.Theirs)}},
		shown:   func(a *front.Attempt, result json.RawMessage) json.RawMessage { return v.taskAnswer(a, &t, result) },
	})
}

// findTask finds a task of the caller's.
func (v *visit) findTask(server, id string, stateless bool) (t tasks.Task, ok bool) {
	a, known := v.Router.Seen(v.caller)
	if !known {
		return t, false
	}
	t, ok = v.Tasks.book.Find(tasks.Owner{Who: v.who(), Agent: a.Agent}, id, time.Now())
	return t, ok && t.Stateless == stateless && (server == "" || t.Server == server)
}

// noSuchTask refuses an id that is of no task of the caller's: it is the same
// whether it is of somebody else's or nobody's.
func (v *visit) noSuchTask(server, id string) ([]byte, *agents.Error) {
	var c front.Call
	v.begin(&c, server, &tools, "")
	defer v.Router.Finish(&c)
	return v.dst, failed(v.identified(&c, &front.Failure{
		Code:    codeNotFound,
		Message: fmt.Sprintf("There is no task %q of yours. Tasks are forgotten when nobody asks for them.", front.Shown(id)),
	}), rpcInvalidParams)
}

// taskAnswer is a server's answer about a task as its owner sees it.
func (v *visit) taskAnswer(a *front.Attempt, t *tasks.Task, result json.RawMessage) json.RawMessage {
	if v.r.Method == tasksResult {
		v.Tasks.book.Note(t.ID, t.State, true)
		return relatedTask(result, t, true)
	}
	if rawjson.Get(result, memberStatus) == nil {
		return relatedTask(result, t, false) // An acknowledgement.
	}
	result = shownTask(a.Route, t, result)
	if t.Stateless {
		result = rawjson.Set(result, "resultType", []byte(`"complete"`)) // Some say that it is a task.
	}
	v.Tasks.book.Note(t.ID, stateOf(result), isOver(result))
	return result
}

// lostTask answers for a task that ended with its server.
func (v *visit) lostTask(t *tasks.Task) ([]byte, *agents.Error) {
	c := relay.Call{Dst: v.dst}
	c.Of = &t.Run
	v.begin(&c.Call, t.Server, &tools, t.Tool)
	defer v.Router.Finish(&c.Call)
	var fail *front.Failure
	err := v.Router.Answer(v.ctx, &c.Call, func(a *front.Attempt) (int, error) {
		fail = front.RunOver(a.Route, t.Run)
		return 0, nil
	})
	if err != nil {
		return v.dst, failed(c.End(err), rpcInvalidParams)
	}
	v.Tasks.book.Note(t.ID, t.State, true)
	fail.Server = t.Server
	fail = c.End(fail)
	answer := json.RawMessage("{}")
	switch {
	case v.r.Method == tasksResult:
		return c.Finish(relay.Look(relatedTask(refused(fail).Raw, t, true)), false), nil
	case v.r.Method == tasksCancel && !t.Stateless:
		return v.dst, failed(fail, rpcInvalidParams)
	case v.r.Method == tasksGet:
		answer = lostState(t, fail)
	}
	return c.Finish(relay.Own(answer), true), nil
}

// lostState is the state of a task that ended with its server, and why.
func lostState(t *tasks.Task, why *front.Failure) json.RawMessage {
	state := lost(t, why.Message)
	if t.Stateless {
		state = rawjson.Set(state, "error", rpcError(rpcInternal, why.Message, why.JSON()).Object)
	}
	return state
}

// listTasks lists the tasks of the caller's on a server, or on all, as it has last
// heard of them.
func (v *visit) listTasks(server string) ([]byte, *agents.Error) {
	if cursor := rawjson.Get(v.r.Params, "cursor"); cursor != nil && !rawjson.IsNull(cursor) {
		return v.refuse(noCursor)
	}
	var c front.Call
	v.begin(&c, server, &tools, "")
	defer v.Router.Finish(&c)
	var list items
	err := v.Router.Answer(v.ctx, &c, func(a *front.Attempt) (int, error) {
		var shown []json.RawMessage
		size := 0
		for _, t := range v.Tasks.book.Of(tasks.Owner{Who: v.who(), Agent: a.Agent}) {
			if t.Stateless || server != "" && t.Server != server || !a.Allows(&tools, t.Server, t.Tool) {
				continue
			}
			state := rawjson.Set(t.State, memberID, rawjson.AppendString(nil, t.ID))
			if t.Run.Session() == nil {
				state = lost(&t, "its server has ended")
			}
			shown = append(shown, state)
			size += len(state) + 1
		}
		var full *front.Failure
		if list, full = newList(v.dst, "tasks", size, v.r); full != nil {
			return 0, full
		}
		for _, state := range shown {
			list.add(state)
		}
		return size, nil
	})
	if err != nil {
		return v.dst, failed(c.End(err), rpcInvalidParams)
	}
	_ = c.End(nil)
	return list.end(v.caller, 0, nil), nil
}
