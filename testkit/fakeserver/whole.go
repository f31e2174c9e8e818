package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// What a server with --whole has beside tools, in forms that are hard to pass on.
const (
	wholeResource = `{ "uri":"note://a/%7Eb",  "name":"one","size":1.0,"big":9007199254740993,"_meta":{"x":[1e400]} }`
	wholeTemplate = `{"uriTemplate":"note://{id}/{+rest}","name":"any",  "odd":"\u00e9"}`
	wholePrompt   = `{"name":"greet","arguments":[{"name":"who","required":true,"odd":1.00}]}`
)

// answerWhole answers the methods that only a server with --whole knows, and
// reports whether it did.
func (s *server) answerWhole(p peer, m message) bool {
	if !s.opt.whole {
		return false
	}
	result := said(m)
	switch m.Method {
	case "resources/list":
		s.mu.Lock()
		list := slices.Clone(s.resources)
		s.mu.Unlock()
		result = append([]byte(`{"resources":[`), wholeResource...)
		for _, uri := range list {
			result = append(append(result, ','), marshal(map[string]any{"uri": uri, "name": uri})...)
		}
		result = append(result, `],"ttlMs":400000,"cacheScope":"public"}`...)
	case "resources/templates/list":
		result = []byte(`{"resourceTemplates":[` + wholeTemplate + `],"ttlMs":7,"cacheScope":"public"}`)
	case "prompts/list":
		result = []byte(`{"prompts":[` + wholePrompt + `],"ttlMs":7,"cacheScope":"public"}`)
	case "resources/read", "prompts/get", "completion/complete":
		if result == nil {
			result = echoed(m)
		}
	case "resources/subscribe", "resources/unsubscribe", "logging/setLevel":
		if s.isStateless(m) {
			return false
		}
		result = s.heed(m)
	default:
		return false
	}
	s.rec.write(event{Event: m.Method, Request: m.ID})
	if s.isStateless(m) {
		result = complete(result)
	}
	reply(p, m.ID, result)
	return true
}

// echoed is a result that has in it what was asked, to the byte.
func echoed(m message) []byte {
	coded := base64.StdEncoding.EncodeToString(m.Params)
	switch m.Method {
	case "resources/read":
		return fmt.Appendf(nil, `{"contents":[{"uri":"note://x","text":"%s","n":1.0}],"ttlMs":9,"cacheScope":"public"}`, coded)
	case "prompts/get":
		return fmt.Appendf(nil, `{"messages":[{"role":"user","content":{"type":"text","text":"%s","n":1.0}}]}`, coded)
	default:
		return fmt.Appendf(nil, `{"completion":{"values":["%s"],"total":1.0}}`, coded)
	}
}

// said is the result that a request asks for to the byte: by a resource's URI, or a
// prompt's or completion's argument, that begins with say: and goes on in base64.
func said(m message) []byte {
	var params struct {
		URI       string
		Arguments struct{ Who string }
		Argument  struct{ Value string }
	}
	_ = json.Unmarshal(m.Params, &params) // Bad params ask for nothing.
	for _, text := range []string{params.URI, params.Arguments.Who, params.Argument.Value} {
		if coded, ok := strings.CutPrefix(text, "say:"); ok {
			result, _ := base64.RawURLEncoding.DecodeString(coded) // What is odd about it shows.
			return result
		}
	}
	return nil
}

// wholeCapabilities adds what --whole declares.
func (s *server) wholeCapabilities(c map[string]any) map[string]any {
	if s.opt.whole {
		c["resources"] = map[string]any{"listChanged": true, "subscribe": true}
		c["prompts"] = map[string]any{"listChanged": true}
		c["completions"] = map[string]any{}
		c["logging"] = map[string]any{}
	}
	return c
}

// wholeTools are the tools that only a server with --whole has.
func wholeTools() []tool {
	return []tool{
		{"ask_client", "Asks the client, by method and params, and returns its answer.", object, askClient},
		{"tell_client", "Sends the client a notification, by method and params.", object, tellClient},
		{"set_resources", "Adds these resources, in place of those before, and says so.", object, setResources},
		{"touch", "Says of the resource name that it was updated, to those who want to hear.", object, touch},
		{"log", "Says a log message, of level kind; silent: not as part of the call.", object, logMessage},
	}
}

func setResources(c *call) []byte {
	c.s.mu.Lock()
	c.s.resources = slices.Clone(c.args.Tools)
	subscribers := make([]*subscriber, 0, len(c.s.subscribers))
	for _, sub := range c.s.subscribers {
		subscribers = append(subscribers, sub)
	}
	c.s.mu.Unlock()
	c.s.broadcast("notifications/resources/list_changed")
	for _, sub := range subscribers {
		sub.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/resources/list_changed","params":{"_meta":{%q:%s}}}`, metaSubscription, json.RawMessage(sub.id)))
	}
	return c.result("set", nil)
}
