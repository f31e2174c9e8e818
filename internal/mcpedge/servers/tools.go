package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// Limits of a list of tools.
const (
	maxToolPages = 1000
	maxTools     = 10000
	maxToolBytes = 64 << 20
)

// ListTools reads every page of tools/list and gives the definitions in the
// server's order, each the server's own JSON. The list is whole or an error:
// more than 1,000 pages, 10,000 tools or 64 MiB, a cursor that comes twice,
// and whatever Call or the server say are errors. It blocks until it has the
// list or ctx ends. A server that does not declare tools has none.
func ListTools(ctx context.Context, session endpoint.Session) ([]json.RawMessage, error) {
	if !session.Info().Tools {
		return nil, nil
	}
	tools, err := listPages(ctx, session)
	if errors.Is(err, endpoint.ErrRenewed) { // The cursors were those of the old session.
		return listPages(ctx, session)
	}
	return tools, err
}

func listPages(ctx context.Context, session endpoint.Session) ([]json.RawMessage, error) {
	var list toolList
	for cursor := json.RawMessage(nil); ; {
		answer, err := session.Call(ctx, endpoint.Request{Method: methodToolsList, Params: pageParams(cursor)})
		if err != nil {
			return nil, fmt.Errorf("cannot list the tools: %w", err)
		}
		if answer.Error != nil {
			return nil, fmt.Errorf("cannot list the tools: the server answered with an error: %s", rpcErrorText(answer.Error))
		}
		if cursor, err = list.add(answer.Result); err != nil {
			return nil, fmt.Errorf("cannot list the tools: %w", err)
		}
		if cursor == nil {
			return list.tools, nil
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
	tools []json.RawMessage
	bytes int
	pages int
	seen  map[string]bool // cursors
}

// add adds a page and gives the cursor of the next, nil behind the last.
func (l *toolList) add(page json.RawMessage) (next json.RawMessage, err error) {
	tooLarge := fmt.Errorf("the server's list is larger than %d tools or %d bytes", maxTools, maxToolBytes)
	raw := rawjson.Get(page, "tools")
	if l.bytes += len(raw); l.bytes > maxToolBytes {
		return nil, tooLarge
	}
	var tools []json.RawMessage
	if raw == nil || json.Unmarshal(raw, &tools) != nil {
		return nil, errors.New("the server's answer has no list of tools")
	}
	l.pages++
	if l.tools = append(l.tools, tools...); len(l.tools) > maxTools {
		return nil, tooLarge
	}
	next = rawjson.Get(page, "nextCursor")
	if rawjson.Text(next) == "" { // Absent, null, empty or no string: no more pages.
		return nil, nil
	}
	if l.seen[string(next)] || l.pages >= maxToolPages {
		return nil, fmt.Errorf("the server's list does not end within %d pages", l.pages)
	}
	if l.seen == nil {
		l.seen = make(map[string]bool)
	}
	l.seen[string(next)] = true
	return bytes.Clone(next), nil
}

// ParseTools reads the name of each definition. Those without a name, which
// nobody could call, and repetitions of a name are left out and counted. The
// tools share memory with the definitions.
func ParseTools(definitions []json.RawMessage) (tools []endpoint.Tool, skipped int) {
	tools = make([]endpoint.Tool, 0, len(definitions))
	seen := make(map[string]bool, len(definitions))
	for _, raw := range definitions {
		name := rawjson.Text(rawjson.Get(raw, "name"))
		if name == "" || seen[name] {
			skipped++
			continue
		}
		seen[name] = true
		tools = append(tools, endpoint.Tool{Name: name, Raw: raw})
	}
	return tools, skipped
}
