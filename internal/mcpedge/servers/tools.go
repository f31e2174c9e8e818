package servers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/plural"
	"gatehouse/internal/rawjson"
)

// Limits of a list of tools.
const (
	maxToolPages = 1000
	maxTools     = 10000
	maxToolBytes = 64 << 20
	// maxVainPages is how many pages in a row may bring no new tool.
	maxVainPages = 20
	// maxCursorBytes is the largest cursor that is sent back.
	maxCursorBytes = 64 << 10
)

// ListTools reads every page of tools/list and returns the tools in the server's
// order, each once and with the server's own JSON, and for how many milliseconds the
// server lets them be kept. It blocks until it has the list or ctx ends. A server that
// declares other things than tools has none; one that declares nothing need not
// know the method.
//
// Cursors of any kind are sent back as they came; pages are read as long as they
// bring new tools. Where something was odd, so that tools may be missing, the
// error is *endpoint.OddList and the tools are those that were found. Any other
// error comes without tools: a page that could not be read, or more than 10,000
// tools or 64 MiB.
func ListTools(ctx context.Context, session endpoint.Session) (tools []endpoint.Tool, ttl int64, err error) {
	if !session.Info().Tools {
		return nil, 0, nil
	}
	kind := *toolsKind
	kind.optional = session.Info().Capability("tools") == nil
	l, err := readPages(ctx, session, &kind)
	return l.tools, l.ttl, err
}

func readPages(ctx context.Context, session endpoint.Session, kind *listKind) (toolList, error) {
	l, err := listPages(ctx, session, kind)
	if errors.Is(err, endpoint.ErrRenewed) { // The cursors were those of the old session.
		return listPages(ctx, session, kind)
	}
	return l, err
}

// listPages reads a list to its end. With an error that is not an OddList it has
// no items.
func listPages(ctx context.Context, session endpoint.Session, kind *listKind) (toolList, error) {
	list := toolList{kind: kind, names: make(map[string]bool), cursors: make(map[[sha256.Size]byte]bool)}
	for cursor := json.RawMessage(nil); ; {
		answer, err := session.Call(ctx, endpoint.Request{Method: kind.method, Params: pageParams(cursor)})
		if err != nil {
			return toolList{}, fmt.Errorf("cannot list the %s: %w", kind.plural, err)
		}
		if answer.Error != nil {
			if kind.optional && unknownMethod(answer) {
				return list, nil
			}
			return toolList{}, fmt.Errorf("cannot list the %s: the server answered with an error: %s", kind.plural, rpcErrorText(answer.Error))
		}
		if cursor, err = list.add(answer.Result); err != nil {
			return toolList{}, fmt.Errorf("cannot list the %s: %w", kind.plural, err)
		}
		if cursor == nil {
			return list, list.odd()
		}
	}
}

// pageParams asks for the page at a cursor, which is JSON; nil is the first.
func pageParams(cursor json.RawMessage) json.RawMessage {
	if cursor == nil {
		return json.RawMessage("{}")
	}
	return append(append([]byte(`{"cursor":`), cursor...), '}')
}

// toolList is a list as far as it has been read.
type toolList struct {
	kind     *listKind
	ttl      int64 // of the first page
	tools    []endpoint.Tool
	bytes    int
	pages    int
	vain     int // pages in a row that brought no new tool
	names    map[string]bool
	cursors  map[[sha256.Size]byte]bool
	repeated bool // a cursor came twice
	unended  bool // there was more to read
	nameless int
	misnamed int
}

// add adds a page and returns the cursor of the next, nil behind the last.
func (l *toolList) add(page json.RawMessage) (next json.RawMessage, err error) {
	tooLarge := fmt.Errorf("the server's list is larger than %d %s or %d bytes", maxTools, l.kind.plural, maxToolBytes)
	if err := rawjson.Misnamed(page, l.kind.member, "nextCursor"); err != nil {
		return nil, fmt.Errorf("the server's answer has no list of %s: %s", l.kind.plural, oneLine(err.Error(), maxWords))
	}
	raw := rawjson.Get(page, l.kind.member)
	if l.pages == 0 {
		l.ttl, _ = strconv.ParseInt(string(rawjson.Get(page, "ttlMs")), 10, 64)
	}
	if l.bytes += len(raw); l.bytes > maxToolBytes {
		return nil, tooLarge
	}
	before := len(l.tools)
	switch end := rawjson.Array(raw, rawjson.Space(raw, 0), 0, func(i int) int { return l.addNext(raw, i) }); {
	case l.full():
		return nil, tooLarge
	case end < 0:
		return nil, fmt.Errorf("the server's answer has no list of %s", l.kind.plural)
	}
	l.pages++
	l.vain++
	if len(l.tools) > before {
		l.vain = 0
	}
	return l.next(rawjson.Get(page, "nextCursor")), nil
}

// full reports whether there are more definitions than a list may have.
func (l *toolList) full() bool { return len(l.tools)+l.nameless+l.misnamed > maxTools }

// addNext adds the definition that begins at i and returns the index behind it,
// or -1 if it is of no use to go on. (Decoded at once a list of nothing could
// take ten times its size.)
func (l *toolList) addNext(list []byte, i int) int {
	end := rawjson.Skip(list, i, 1)
	if end < 0 || l.full() {
		return -1
	}
	l.addTool(list[i:end])
	return end
}

// maxNameBytes is the longest name that anybody could call a tool by, as JSON.
const maxNameBytes = 4096 * len(`\u0000`)

// addTool adds a definition unless it has no name, so that nobody could call it,
// repeats one, or can be read as that of another tool.
func (l *toolList) addTool(definition json.RawMessage) {
	quoted := rawjson.Get(definition, l.kind.key)
	if len(quoted) > maxNameBytes {
		quoted = nil
	}
	name := rawjson.Text(quoted)
	switch {
	case rawjson.Misnamed(definition, l.kind.names...) != nil:
		l.misnamed++
	case name == "":
		l.nameless++
	case !l.names[name]:
		l.names[name] = true
		l.tools = append(l.tools, endpoint.Tool{Name: name, Raw: bytes.Clone(endpoint.WithoutOwnMeta(definition))})
	}
}

// next returns the cursor that it is worth asking with.
func (l *toolList) next(cursor json.RawMessage) json.RawMessage {
	switch string(cursor) {
	case "", "null", `""`, "false":
		return nil
	}
	sum := sha256.Sum256(cursor)
	seen := l.cursors[sum]
	l.repeated = l.repeated || seen
	l.cursors[sum] = true
	if len(cursor) > maxCursorBytes || seen && l.vain > 0 || l.vain >= maxVainPages || l.pages >= maxToolPages {
		l.unended = true
		return nil
	}
	return bytes.Clone(cursor)
}

// odd says what was odd about a list that has been read to its end.
func (l *toolList) odd() error {
	var what []string
	switch {
	case l.repeated && l.unended:
		what = append(what, fmt.Sprintf("it gave the same cursor again and again, %s behind the first %d may be missing", l.kind.plural, len(l.tools)))
	case l.unended:
		what = append(what, fmt.Sprintf("it does not end within %s, %s behind the first %d may be missing", plural.Of(l.pages, "page"), l.kind.plural, len(l.tools)))
	case l.repeated:
		what = append(what, "it gave the same cursor more than once")
	}
	if l.nameless > 0 {
		what = append(what, "left out for want of a "+l.kind.key+": "+plural.Of(l.nameless, "definition"))
	}
	if l.misnamed > 0 {
		what = append(what, plural.Of(l.misnamed, "definition has", "definitions have")+" a member twice or in another letter case: left out")
	}
	if what == nil {
		return nil
	}
	return &endpoint.OddList{What: "the server's list of " + l.kind.plural + " is odd: " + strings.Join(what, "; ")}
}
