package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/plural"
)

// checked makes a tool whose arguments are what its schema promises before it is
// run. The library can check them too, but says what is wrong in Go's words.
func checked(t server.ServerTool) server.ServerTool {
	run := t.Handler
	t.Handler = func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		args, wrong := arguments(t.Tool.InputSchema, req.Params.Arguments)
		if wrong != "" {
			return mcp.NewToolResultError(t.Tool.Name + ": " + wrong), nil
		}
		req.Params.Arguments, req.Params.RawArguments = args, nil
		return run(ctx, req)
	}
	return t
}

// arguments returns the arguments with whole numbers as such, or says what is
// wrong with them.
func arguments(schema mcp.ToolInputSchema, given any) (args map[string]any, wrong string) {
	args, ok := given.(map[string]any)
	if !ok && given != nil {
		return nil, "the arguments must be an object, not " + kindOf(given)
	}
	args = maps.Clone(args)
	if args == nil {
		args = map[string]any{}
	}
	names := slices.Sorted(maps.Keys(schema.Properties))
	for _, name := range schema.Required {
		if _, there := args[name]; !there {
			return nil, fmt.Sprintf("the argument %q is missing", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		property, known := schema.Properties[name].(map[string]any)
		if !known {
			if len(names) == 0 {
				return nil, fmt.Sprintf("there is no argument %q, nor any other", name)
			}
			return nil, fmt.Sprintf("there is no argument %q; there are: %s", name, strings.Join(names, ", "))
		}
		value, wrong := check(property, args[name])
		if wrong != "" {
			return nil, fmt.Sprintf("the argument %q %s", name, wrong)
		}
		args[name] = value
	}
	return args, ""
}

// check checks one value against the schema of a text or of a whole number.
func check(schema map[string]any, value any) (fit any, wrong string) {
	if schema["type"] == "integer" {
		return checkNumber(schema, value)
	}
	text, ok := value.(string)
	if !ok {
		return nil, "must be a text, not " + kindOf(value)
	}
	length := utf8.RuneCountInString(text)
	if least, ok := number(schema["minLength"]); ok && length < int(least) {
		return nil, "must not be empty"
	}
	if most, ok := number(schema["maxLength"]); ok && length > int(most) {
		return nil, fmt.Sprintf("must have at most %s, not %d", plural.Of(int(most), "character"), length)
	}
	if choice, ok := schema["enum"].([]string); ok && !slices.Contains(choice, text) {
		return nil, "must be one of " + strings.Join(choice, ", ")
	}
	return text, ""
}

func checkNumber(schema map[string]any, value any) (fit any, wrong string) {
	n, ok := number(value)
	switch {
	case !ok:
		return nil, "must be a whole number, not " + kindOf(value)
	case n != math.Trunc(n):
		return nil, "must be a whole number"
	}
	least, most := -maxExact, maxExact
	if bound, ok := number(schema["minimum"]); ok {
		least = bound
	}
	if bound, ok := number(schema["maximum"]); ok {
		most = bound
	}
	switch {
	case n < least:
		return nil, fmt.Sprintf("must be at least %.0f", least)
	case n > most:
		return nil, fmt.Sprintf("must be at most %.0f", most)
	}
	return int(n), ""
}

// maxExact is the largest whole number that every JSON parser keeps as it is.
const maxExact = float64(1<<53 - 1)

// number reads a number of JSON, or of a schema made in Go.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	}
	return 0, false
}

// kindOf says what a value of JSON is.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case float64:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	}
	return "an object"
}

// plainWords is a writer of messages in which the library says what it could not
// read: in Go's words, which mean nothing to whoever sent it.
type plainWords struct{ io.Writer }

var goWords = lazyregexp.New(`(?:json: )?cannot unmarshal [^"\\]*(?:\\.[^"\\]*)*`)

// Write writes whole messages.
func (w plainWords) Write(p []byte) (int, error) {
	text := p
	if bytes.Contains(p, []byte(`"error":`)) {
		text = goWords().ReplaceAll(p, []byte("a value is of the wrong type, or too large"))
	}
	if _, err := w.Writer.Write(text); err != nil {
		return 0, err //nolint:wrapcheck // It is another writer's.
	}
	return len(p), nil
}
