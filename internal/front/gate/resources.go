package gate

import (
	"context"
	"encoding/json"

	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/rawjson"
)

// maxURIBytes is the longest URI that is looked for.
const maxURIBytes = 64 << 10

// resourcesAnswer is the answer of resources/list.
type resourcesAnswer struct {
	Server      string            `json:"server"`
	Resources   []json.RawMessage `json:"resources"`
	Templates   []json.RawMessage `json:"resourceTemplates"`
	OmittedMore int               `json:"omitted_more,omitempty"` // narrow them with pattern
}

// listResources answers from memory once the server has listed its resources and
// templates; before that it waits for the server as a call would.
func (g *Gate) listResources(ctx context.Context, c *call) (relay.Result, error) {
	room, err := newListRoom(c.args.args)
	if err != nil {
		return relay.Result{}, err
	}
	answer := resourcesAnswer{Server: c.args.server}
	if answer.Resources, err = g.listed(ctx, c, &resources, room); err != nil {
		return relay.Result{}, err
	}
	if answer.Templates, err = g.listed(ctx, c, &templates, room); err != nil {
		return relay.Result{}, err
	}
	answer.OmittedMore = room.omitted
	if err := c.weigh(room.bytes); err != nil {
		return relay.Result{}, err
	}
	return own(answer), nil
}

// readResource has the server read a resource. Each of its contents is a block.
func (g *Gate) readResource(ctx context.Context, c *call) (relay.Result, error) {
	raw := rawjson.Get(c.args.args, "uri")
	uri := rawjson.Text(raw)
	if rawjson.First(raw) != '"' || uri == "" || len(uri) > maxURIBytes {
		return relay.Result{}, invalid(`resources/read needs the URI of a resource, in args: {"uri":"..."}.`)
	}
	c.Target.Name, c.Record.Resource = uri, uri
	r := relay.Request{Call: &c.Call, Method: readResource, Members: []relay.Member{{Name: "uri", Value: raw}}}
	if err := r.Run(ctx, g.router); err != nil || !c.Result.Complete() {
		return c.Result, err
	}
	var blocks blocks
	if !eachOf(c.Result.Raw, "contents", func(content json.RawMessage) { blocks.add(`{"type":"resource","resource":`, content, `}`) }) {
		return relay.Result{}, c.oddResult(readResource)
	}
	return blocks.result(c.Result), nil
}

// oddResult says that a server's result is not one of the method.
func (c *call) oddResult(method string) error {
	return &front.Failure{Code: front.CodeServerError, Message: front.Shown(c.args.server) + " answered " + method + " with something that is no result of it. Tell the user."}
}

// eachOf visits the elements of a list in an object, and reports whether it is one.
func eachOf(object json.RawMessage, member string, visit func(json.RawMessage)) bool {
	list := rawjson.Get(object, member)
	return list != nil && rawjson.Array(list, rawjson.Space(list, 0), 0, func(i int) int {
		end := rawjson.Skip(list, i, 1)
		if end > 0 {
			visit(list[i:end])
		}
		return end
	}) >= 0
}

// blocks are the content of a tool's result, as it is put together.
type blocks []byte

// add adds a block that holds a value as it is.
func (b *blocks) add(before string, value json.RawMessage, after string) {
	if len(*b) > 0 {
		*b = append(*b, ',')
	}
	*b = append(append(append(*b, before...), value...), after...)
}

// text adds a block of text.
func (b *blocks) text(text string) {
	b.add("", relay.MustJSON(relay.Block{Type: "text", Text: text}), "")
}

// result is a tool's result with these blocks, in the place of a server's, whose
// _meta it has.
func (b *blocks) result(of relay.Result) relay.Result {
	out := append(append(json.RawMessage(`{"content":[`), *b...), ']')
	if meta := rawjson.Get(of.Raw, "_meta"); meta != nil {
		out = append(append(out, `,"_meta":`...), meta...)
	}
	return relay.Look(append(out, '}'))
}
