package clients

import (
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/vars"
)

// transports are what clients call them.
var transports = map[string]serversfile.Transport{
	"stdio": serversfile.Stdio, "local": serversfile.Stdio, "command": serversfile.Stdio,
	"http": serversfile.HTTP, "streamable-http": serversfile.HTTP, "streamablehttp": serversfile.HTTP, "streamable_http": serversfile.HTTP,
	"streamable": serversfile.HTTP, "streaming": serversfile.HTTP, "streaminghttp": serversfile.HTTP, "remote": serversfile.Auto,
	"sse": serversfile.SSE,
}

// transport reads the type, which Cline nests: {"transport": {"type": ..., ...}}.
func (e *entryReader) transport(m jsondoc.Member) {
	if m.Value.Kind == jsondoc.KindObject {
		e.members(m.Value)
		return
	}
	word := strings.ToLower(m.Value.Text())
	t, known := transports[word]
	switch {
	case known:
		e.server.Transport, e.typed = t, true
	case word == "builtin" || word == "platform" || word == "frontend" || word == "inline_python":
		e.leaveOut("it is part of %s (%s)", e.client.Title, word)
	case word == "custom" || word == "extension" || word == "":
	default:
		e.leaveOut("it is reached by %q, which gatehouse does not speak", show(word))
	}
}

func (e *entryReader) address(m jsondoc.Member) {
	if m.Value.Kind != jsondoc.KindString || m.Value.Text() == "" {
		e.leaveOut("its %s is not a text", show(m.Key))
		return
	}
	if e.url != nil && m.Key != "httpUrl" {
		e.ignored = append(e.ignored, show(m.Key))
		return
	}
	e.url = m.Value
	switch m.Key {
	case "httpUrl":
		e.server.Transport, e.typed = serversfile.HTTP, true
	case "sseUrl":
		e.server.Transport, e.typed = serversfile.SSE, true
	}
}

// completeAddress checks a server that is reached over HTTP.
func (e *entryReader) completeAddress() {
	s := e.server
	s.URL = e.value(e.url.Text(), "url")
	if s.Transport == "" || s.Transport == serversfile.Stdio {
		s.Transport = e.client.dialect.bare
	}
	if s.Transport == "" {
		s.Transport = serversfile.Auto
	}
	if written := s.URL.String(); !strings.HasPrefix(written, "${") {
		if reason := serversfile.BadURL(vars.WithPlaceholders(written, "1")); reason != "" {
			e.leaveOut("its address cannot be used: %s", reason)
		}
	}
	if len(s.Env) > 0 {
		e.note(Attention, "it has env beside an address: it is left out")
		s.Env = nil
	}
	s.Cwd, s.Args = nil, nil
}

func (e *entryReader) headers(m jsondoc.Member) {
	for _, h := range m.Value.Members() {
		if !scalar(h.Value) {
			if h.Value.Kind != jsondoc.KindNull {
				e.note(Attention, "the header %s is not a text: it is left out", show(h.Key))
			}
			continue
		}
		e.addHeader(h.Key, e.value(h.Value.Text(), h.Key))
	}
}

// headerName is a token as HTTP defines it.
var headerName = lazyregexp.New("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (e *entryReader) addHeader(name string, v Value) {
	clean := printable(name)
	if !headerName().MatchString(clean) {
		e.note(Attention, "%q is not the name of a header: it is left out", show(name))
		return
	}
	for i := range e.server.Headers {
		if strings.EqualFold(e.server.Headers[i].Name, clean) {
			e.server.Headers[i].Value = v
			return
		}
	}
	for i := range v {
		v[i].Text = strings.NewReplacer("\r", "", "\n", "").Replace(v[i].Text)
	}
	e.server.Headers = append(e.server.Headers, Named{clean, v})
}

// requestOptions reads the headers of Continue and of SDKs.
func (e *entryReader) requestOptions(m jsondoc.Member) {
	for _, inner := range m.Value.Members() {
		if inner.Key == "headers" {
			e.headers(inner)
		} else {
			e.ignored = append(e.ignored, show(m.Key+"."+inner.Key))
		}
	}
}

func (e *entryReader) headersFromEnv(m jsondoc.Member) {
	for _, h := range m.Value.Members() {
		if !plainName().MatchString(h.Value.Text()) {
			e.note(Attention, "the header %s names no variable: it is left out", show(h.Key))
			continue
		}
		e.addHeader(h.Key, variable(h.Value.Text()))
		e.note(Attention, "%s comes from the client's environment: set it in gatehouse.env", h.Value.Text())
	}
}

func (e *entryReader) bearerVariable(m jsondoc.Member) {
	name := m.Value.Text()
	if !plainName().MatchString(name) {
		e.note(Attention, "%s names no variable: it is left out", show(m.Key))
		return
	}
	e.addHeader("Authorization", Value{{Text: "Bearer "}, {Var: name}})
	e.note(Attention, "%s comes from the client's environment: set it in gatehouse.env", name)
}

func (e *entryReader) bearer(m jsondoc.Member) {
	e.addHeader("Authorization", append(Value{{Text: "Bearer "}}, e.value(m.Value.Text(), "Authorization")...))
}
