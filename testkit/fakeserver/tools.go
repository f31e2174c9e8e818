package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// call is one tools/call that is being run.
type call struct {
	ctx    context.Context // ends when the call is cancelled
	s      *server
	p      peer
	reqID  json.RawMessage
	token  json.RawMessage // the progress token, nil without one
	raw    json.RawMessage // the arguments as they came
	params json.RawMessage // of the whole request
	meta   map[string]json.RawMessage
	args   struct {
		ID      json.RawMessage `json:"id"`
		MS      int             `json:"ms"`
		Until   string          `json:"until"`
		Code    *int            `json:"code"`
		Signal  string          `json:"signal"`
		Answer  bool            `json:"answer"`
		Bytes   int             `json:"bytes"`
		Line    string          `json:"line"`
		Name    string          `json:"name"`
		N       int             `json:"n"`
		Kind    string          `json:"kind"`
		Tools   []string        `json:"tools"`
		Silent  bool            `json:"silent"`
		Message string          `json:"message"`
	}
}

// tool is one built-in tool. A run that gives nil is never answered.
type tool struct {
	name, description, schema string
	run                       func(c *call) []byte
}

// object is the input schema of most tools: anything goes.
const object = `{"type":"object"}`

// oddSchema has what decoders like to lose.
const oddSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"kind":{"type":"string"}},"oneOf":[{"required":["kind"]},{"maxProperties":0}],"x-vendor":{"big":9007199254740993}}`

// builtins in the order of tools/list. It is a function, as tools refer to it.
func builtins() []tool {
	return []tool{
		{"echo", "Returns its arguments as text and structuredContent.", object, echo},
		{"sleep", "Sleeps for ms milliseconds and until there is a file until; dies after ms if that is below 0, also when cancelled.", `{"type":"object","properties":{"ms":{"type":"integer"},"until":{"type":"string"},"id":{}},"required":["ms"]}`, sleep},
		{"crash", "Exits at once with code, or dies of signal kill; answer sends the result first.", object, crash},
		{"pid", "Says which process this is.", object, pid},
		{"big", "Returns a text of this many bytes.", object, big},
		{"stderr", "Writes a line to stderr.", object, stderrLine},
		{"hang", "Never answers.", object, hang},
		{"freeze", "Stops the whole process.", object, freeze},
		{"env", "Returns the environment, or one variable of it.", object, env},
		{"progress", "Sends n progress notifications, ms apart.", object, progress},
		{"oddities", "Returns a result that is hard to pass on.", oddSchema, oddities},
		{"fail", "Returns isError true.", object, fail},
		{"rpcerror", "Answers with a JSON-RPC error.", object, rpcError},
		{"set_tools", "Replaces the extra tools and says so, unless silent.", object, setTools},
		{"flood", "Writes n lines of bytes to stderr; kind junk or endless: to stdout.", object, flood},
		{"forget", "Forgets all HTTP sessions.", object, forget},
		{"http", "Over HTTP: answers with status, headers and body; cut breaks the connection.", object, echo},
		{"say", "Answers with the bytes given.", object, say},
		{"mirror", "Tells its params as they came.", object, mirror},
	}
}

func toolName(i int) string { return fmt.Sprintf("tool_%04d", i) }

// definitions returns every tool's definition as JSON.
func (s *server) definitions() [][]byte {
	var out [][]byte
	for _, t := range s.allTools() {
		def := fmt.Appendf(nil, `{"name":%q,"description":%q,"inputSchema":%s`, t.name, t.description, t.schema)
		if t.name == "oddities" {
			def = append(def, `,"vendorField":{"keep":["me"]},"annotations":{"readOnlyHint":true,"x-unknown":1}`...)
		}
		out = append(out, append(def, '}'))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.extra {
		out = append(out, fmt.Appendf(nil, `{"name":%s,"description":"An extra tool that echoes.","inputSchema":%s}`, marshal(name), object))
	}
	return out
}

// find returns the function that runs a tool, nil if there is none.
func (s *server) find(name string) func(*call) []byte {
	for _, t := range s.allTools() {
		if t.name == name {
			return t.run
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.extra, name) {
		return echo
	}
	return nil
}

// callTool records and runs one tools/call, and answers it.
func (s *server) callTool(p peer, session string, m message) {
	var params struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
		Meta      struct {
			ProgressToken json.RawMessage `json:"progressToken"`
		} `json:"_meta"`
	}
	if err := json.Unmarshal(m.Params, &params); err != nil {
		replyError(p, m.ID, -32602, "Invalid params", nil)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := &call{ctx: ctx, s: s, p: p, reqID: m.ID, raw: params.Arguments, token: params.Meta.ProgressToken, params: m.Params, meta: m.meta()}
	_ = json.Unmarshal(params.Arguments, &c.args) // echo takes any arguments.

	key := session + " " + string(m.ID)
	s.mu.Lock()
	s.running[key] = runningCall{cancel: cancel, id: c.args.ID}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.running, key)
		s.mu.Unlock()
	}()

	s.rec.write(event{Event: "call", Tool: params.Name, ID: c.args.ID, Request: m.ID})
	run := s.find(params.Name)
	if run == nil {
		replyError(p, m.ID, -32602, fmt.Sprintf("Unknown tool: %s", params.Name), nil)
		return
	}
	if result := run(c); result != nil {
		if s.isStateless(m) {
			result = complete(result)
		}
		reply(p, m.ID, result)
	}
}

// result makes a plain result with one text block.
func (c *call) result(text string, structured []byte) []byte {
	meta := map[string]any{"fake/pid": os.Getpid(), "fake/tag": c.s.opt.tag}
	out := fmt.Appendf(nil, `{"content":[{"type":"text","text":%s}]`, marshal(text))
	if structured != nil {
		out = append(append(out, `,"structuredContent":`...), structured...)
	}
	return append(append(append(out, `,"_meta":`...), marshal(meta)...), '}')
}

func echo(c *call) []byte {
	args := c.raw
	if len(args) == 0 {
		args = json.RawMessage("{}")
	}
	return c.result(string(args), args)
}

func sleep(c *call) []byte {
	if c.args.MS < 0 {
		time.Sleep(time.Duration(-c.args.MS) * time.Millisecond)
		os.Exit(4)
	}
	select {
	case <-time.After(time.Duration(c.args.MS) * time.Millisecond):
	case <-c.ctx.Done():
		return nil
	}
	if c.args.Until != "" && !awaitFile(c.ctx, c.args.Until) {
		return nil
	}
	return c.result(fmt.Sprintf("slept %d ms", c.args.MS), identity(c))
}

// awaitFile waits for a file and reports whether it came before ctx was over.
func awaitFile(ctx context.Context, path string) bool {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		if _, err := os.Stat(path); err == nil {
			return true
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
}

func crash(c *call) []byte {
	time.Sleep(time.Duration(c.args.MS) * time.Millisecond)
	if c.args.Answer {
		reply(c.p, c.reqID, c.result("last words", identity(c)))
	}
	if c.args.Signal != "" {
		self, err := os.FindProcess(os.Getpid())
		if err == nil && self.Kill() == nil {
			select {} // The signal is on its way.
		}
	}
	code := 3
	if c.args.Code != nil {
		code = *c.args.Code
	}
	os.Exit(code)
	return nil
}

// identity says which process and configuration answers.
func identity(c *call) []byte {
	cwd, _ := os.Getwd() // Empty when it is gone.
	return marshal(map[string]any{
		"pid": os.Getpid(), "ppid": os.Getppid(), "tag": c.s.opt.tag, "name": c.s.opt.name, "cwd": cwd,
	})
}

func pid(c *call) []byte { return c.result(fmt.Sprint(os.Getpid()), identity(c)) }

func big(c *call) []byte {
	out := []byte(`{"content":[{"type":"text","text":"`)
	out = append(out, bytes.Repeat([]byte("x"), c.args.Bytes)...)
	return append(out, `"}]}`...)
}

func stderrLine(c *call) []byte {
	fmt.Fprintln(os.Stderr, c.args.Line)
	return c.result("written", nil)
}

func hang(c *call) []byte {
	<-c.ctx.Done()
	return nil
}

func env(c *call) []byte {
	if c.args.Name != "" {
		v, ok := os.LookupEnv(c.args.Name)
		return c.result(v, marshal(map[string]any{"value": v, "present": ok}))
	}
	all := map[string]string{}
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		all[k] = v
	}
	return c.result(fmt.Sprint(len(all)), marshal(map[string]any{"env": all}))
}

func progress(c *call) []byte {
	for i := range c.args.N {
		if c.token != nil {
			c.p.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d,"total":%d,"message":"step %d"}}`,
				c.token, i+1, c.args.N, i+1))
		}
		select {
		case <-time.After(time.Duration(c.args.MS) * time.Millisecond):
		case <-c.ctx.Done():
			return nil
		}
	}
	return c.result("done", marshal(map[string]any{"sent": c.args.N, "had_token": c.token != nil}))
}

func fail(c *call) []byte {
	text := c.args.Message
	if text == "" {
		text = "failed as told"
	}
	return fmt.Appendf(nil, `{"content":[{"type":"text","text":%s}],"isError":true}`, marshal(text))
}

func rpcError(c *call) []byte {
	code := -32000
	if c.args.Code != nil {
		code = *c.args.Code
	}
	replyError(c.p, c.reqID, code, "refused as told", json.RawMessage(`{"why":"told so","big":9007199254740993}`))
	return nil
}

func setTools(c *call) []byte {
	c.s.mu.Lock()
	c.s.extra = slices.Clone(c.args.Tools)
	c.s.mu.Unlock()
	if !c.args.Silent {
		c.s.broadcast("notifications/tools/list_changed")
		c.s.announce()
	}
	return c.result("set", nil)
}

func forget(c *call) []byte {
	c.s.mu.Lock()
	clear(c.s.sessions)
	c.s.mu.Unlock()
	return c.result("forgotten", nil)
}
