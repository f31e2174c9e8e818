package main

// odd holds results that are valid MCP, or nearly, and that decoders lose
// something of. The tests that ask for them say what must arrive.
var odd = map[string]string{
	"unknown-content":  `{"content":[{"type":"hologram","depth":3,"data":{"a":[1,2]}},{"type":"text","text":"after"}]}`,
	"unknown-fields":   `{"content":[{"type":"text","text":"t","annotations":{"priority":0.5,"x-mark":"kept"},"x-extra":{"k":"v"}}],"structuredContent":{"ok":true}}`,
	"big-ints":         `{"content":[{"type":"text","text":"n"}],"structuredContent":{"n":9007199254740993,"f":1.0,"z":{"b":1,"a":2}},"_meta":{"example.com/n":9007199254740995}}`,
	"no-content":       `{"structuredContent":{"only":"structured"}}`,
	"empty-content":    `{"content":[],"structuredContent":{"only":"structured"}}`,
	"array-structured": `{"content":[{"type":"text","text":"list"}],"structuredContent":[1,"two",{"three":3}]}`,
	"html":             `{"content":[{"type":"text","text":"<b>&amp;</b>"}],"structuredContent":{"html":"<b>&</b>"}}`,
	"input-required":   `{"resultType":"input_required","inputRequests":{"x":{"method":"roots/list"}},"requestState":"s"}`,
	"link":             `{"content":[{"type":"resource_link","uri":"file:///a","name":"a"},{"type":"image","data":"AAAA","mimeType":"image/png"}]}`,
}

func oddities(c *call) []byte {
	kind := c.args.Kind
	if kind == "" {
		kind = "unknown-content"
	}
	if r, ok := odd[kind]; ok {
		return []byte(r)
	}
	replyError(c.p, c.reqID, -32602, "no such oddity", nil)
	return nil
}
