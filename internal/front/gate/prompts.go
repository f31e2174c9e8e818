package gate

import (
	"context"
	"encoding/json"

	"gatehouse/internal/front/relay"
	"gatehouse/internal/rawjson"
)

// promptsAnswer is the answer of prompts/list.
type promptsAnswer struct {
	Server      string            `json:"server"`
	Prompts     []json.RawMessage `json:"prompts"`
	OmittedMore int               `json:"omitted_more,omitempty"` // narrow them with pattern
}

// listPrompts answers from memory once the server has listed its prompts; before
// that it waits for the server as a call would.
func (g *Gate) listPrompts(ctx context.Context, c *call) (relay.Result, error) {
	room, err := newListRoom(c.args.args)
	if err != nil {
		return relay.Result{}, err
	}
	list, err := g.listed(ctx, c, &prompts, room)
	if err != nil {
		return relay.Result{}, err
	}
	if err := c.weigh(room.bytes); err != nil {
		return relay.Result{}, err
	}
	return own(promptsAnswer{c.args.server, list, room.omitted}), nil
}

// getPrompt has the server make a prompt. Its messages are blocks of text that begin
// with whose they are; what is no text follows as it is.
func (g *Gate) getPrompt(ctx context.Context, c *call) (relay.Result, error) {
	raw := rawjson.Get(c.args.args, "name")
	name := rawjson.Text(raw)
	if rawjson.First(raw) != '"' || name == "" || len(name) > maxNameBytes {
		return relay.Result{}, invalid(`prompts/get needs the name of a prompt, in args: {"name":"...","arguments":{...}}.`)
	}
	args, err := objectOf(orNull(rawjson.Get(c.args.args, "arguments")))
	if err != nil {
		return relay.Result{}, invalid("The argument \"arguments\" of prompts/get %s.", err)
	}
	c.Target.Name, c.Record.Prompt = name, name
	r := relay.Request{Call: &c.Call, Method: getPrompt, Members: []relay.Member{{Name: "name", Value: raw}, {Name: "arguments", Value: args}}}
	if err := r.Run(ctx, g.router); err != nil || !c.Result.Complete() {
		return c.Result, err
	}
	var blocks blocks
	if about := rawjson.Text(rawjson.Get(c.Result.Raw, "description")); about != "" {
		blocks.text(about)
	}
	if !eachOf(c.Result.Raw, "messages", blocks.message) {
		return relay.Result{}, c.oddResult(getPrompt)
	}
	return blocks.result(c.Result), nil
}

// message adds a message of a prompt.
func (b *blocks) message(m json.RawMessage) {
	role, content := rawjson.Text(rawjson.Get(m, "role")), rawjson.Get(m, "content")
	if text := rawjson.Get(content, "text"); rawjson.Text(rawjson.Get(content, "type")) == "text" && rawjson.First(text) == '"' {
		b.text(role + ": " + rawjson.Text(text))
		return
	}
	b.text(role + ":")
	if rawjson.First(content) == '{' {
		b.add("", content, "")
	}
}
