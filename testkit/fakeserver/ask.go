package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

// questions are requests of this server to its client that wait for an answer.
type questions struct {
	client json.RawMessage // what initialize said of the client

	mu      sync.Mutex
	last    int
	waiting map[string]chan message
}

// answered takes an answer of the client.
func (q *questions) answered(m message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if ch := q.waiting[string(m.ID)]; ch != nil {
		delete(q.waiting, string(m.ID))
		ch <- m
	}
}

// askClient asks the client in the middle of a call, and returns what it answered, and what
// it said of itself. In 2026-07-28 it asks by its answer.
func askClient(c *call) []byte {
	var args struct {
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	}
	_ = json.Unmarshal(c.raw, &args)
	if _, stateless := c.meta[metaVersion]; stateless {
		var params struct {
			InputResponses map[string]json.RawMessage `json:"inputResponses"`
		}
		_ = json.Unmarshal(c.params, &params) // Without them it is the first time.
		if answer, ok := params.InputResponses["asked"]; ok {
			return c.result("asked", marshal(map[string]any{"result": answer}))
		}
		return fmt.Appendf(nil, `{"resultType":"input_required","requestState":"asked","inputRequests":{"asked":%s}}`,
			marshal(map[string]any{"method": args.Method, "params": args.Params}))
	}
	q := &c.s.questions
	q.mu.Lock()
	q.last++
	id := fmt.Sprintf(`"ask-%d"`, q.last)
	if q.waiting == nil {
		q.waiting = map[string]chan message{}
	}
	answer := make(chan message, 1)
	q.waiting[id] = answer
	q.mu.Unlock()
	if args.Params == nil {
		args.Params = json.RawMessage("{}")
	}
	c.p.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"method":%s,"params":%s}`, id, marshal(args.Method), args.Params))
	select {
	case m := <-answer:
		return c.result("asked", marshal(map[string]any{"result": m.Result, "error": m.Error, "client": q.client, "pid": os.Getpid()}))
	case <-c.ctx.Done():
		return nil
	}
}

// tellClient sends the client a notification in the middle of a call.
func tellClient(c *call) []byte {
	var args struct {
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	}
	_ = json.Unmarshal(c.raw, &args)
	c.p.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":%s,"params":%s}`, marshal(args.Method), args.Params))
	return c.result("told", nil)
}
