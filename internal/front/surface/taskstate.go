package surface

import (
	"encoding/json"
	"time"

	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/tasks"
)

// metaRelated is the member of _meta by which a result says to which task it belongs.
const metaRelated = "io.modelcontextprotocol/related-task"

// The members of a task.
const (
	memberID      = "taskId"
	memberStatus  = "status"
	memberMessage = "statusMessage"
)

// shownTask is a server's task as its owner sees it: under the gateway's id, and
// without secrets in what is not the tool's result.
func shownTask(r *snapshot.Route, t *tasks.Task, task json.RawMessage) json.RawMessage {
	task = rawjson.Set(task, memberID, rawjson.AppendString(nil, t.ID))
	if message := rawjson.Get(task, memberMessage); rawjson.First(message) == '"' {
		task = rawjson.Set(task, memberMessage, rawjson.AppendString(nil, r.Redact.String(rawjson.Text(message))))
	}
	if failure := rawjson.Get(task, "error"); rawjson.First(failure) == '{' {
		task = rawjson.Set(task, "error", front.RedactedRPC(r, failure))
	}
	if result := rawjson.Get(task, "result"); rawjson.First(result) == '{' {
		task = rawjson.Set(task, "result", relatedTask(result, t, false))
	}
	return relatedTask(task, t, false)
}

// relatedTask is an object whose _meta, if it names a task, names it by the
// gateway's id; always has it named.
func relatedTask(object json.RawMessage, t *tasks.Task, always bool) json.RawMessage {
	meta := rawjson.Get(object, "_meta")
	if !always && rawjson.Get(meta, metaRelated) == nil {
		return object
	}
	if rawjson.First(meta) != '{' {
		meta = []byte("{}")
	}
	related := rawjson.Set([]byte("{}"), memberID, rawjson.AppendString(nil, t.ID))
	return rawjson.Set(object, "_meta", rawjson.Set(meta, metaRelated, related))
}

// maxStateMember is the longest member, in bytes, of a state that is kept.
const maxStateMember = 512

// stateOf is what is kept of a task as its owner has seen it. The times must be
// there.
func stateOf(task json.RawMessage) json.RawMessage {
	out := json.RawMessage("{}")
	for _, member := range []string{memberStatus, memberMessage, "createdAt", "lastUpdatedAt", "ttl", "ttlMs", "pollInterval", "pollIntervalMs"} {
		if value := rawjson.Get(task, member); value != nil && len(value) <= maxStateMember {
			out = rawjson.Set(out, member, value)
		}
	}
	for _, member := range []string{"createdAt", "lastUpdatedAt"} {
		if rawjson.First(rawjson.Get(out, member)) != '"' {
			out = rawjson.Set(out, member, timeNow())
		}
	}
	return out
}

func timeNow() json.RawMessage {
	return rawjson.AppendString(nil, time.Now().UTC().Format(time.RFC3339))
}

// isOver reports whether a task has come to its end.
func isOver(task json.RawMessage) bool {
	switch rawjson.Text(rawjson.Get(task, memberStatus)) {
	case "completed", "failed", "cancelled":
		return true
	}
	return false
}

// lost is the state of a task whose server's run is over.
func lost(t *tasks.Task, why string) json.RawMessage {
	out := rawjson.Set(t.State, memberStatus, []byte(`"failed"`))
	out = rawjson.Set(out, memberMessage, rawjson.AppendString(nil, why))
	ttl := "ttl"
	if t.Stateless {
		ttl = "ttlMs"
	}
	if rawjson.Get(out, ttl) == nil {
		out = rawjson.Set(out, ttl, []byte("null"))
	}
	return rawjson.Set(rawjson.Set(out, "lastUpdatedAt", timeNow()), memberID, rawjson.AppendString(nil, t.ID))
}
