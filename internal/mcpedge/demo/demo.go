// Package demo holds three small MCP servers that come with the program, so
// that a gateway can be tried without anything else installed:
//
//   - notes keeps short notes in memory;
//   - text counts, hashes and converts text;
//   - clock tells and converts times, and counts down with progress.
//
// They touch no file, no network and no environment variable. What notes keeps
// is gone when its process ends. Limits on every argument are part of the tool
// schemas and are enforced.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// ErrUnknown is wrapped by the error that Serve gives for a name that is not
// among Names.
var ErrUnknown = errors.New("there is no such demo server")

// description is one demo server.
type description struct {
	name         string
	title        string
	summary      string
	instructions string
	tools        func() []server.ServerTool
}

// all returns the demo servers, sorted by name.
func all() []description {
	return []description{clockServer(), notesServer(), textServer()}
}

// Names lists the demo servers, sorted.
func Names() []string {
	var names []string
	for _, d := range all() {
		names = append(names, d.name)
	}
	return names
}

// Serve runs the named demo server on in and out: MCP messages, one a line. It
// blocks until in ends or ctx is cancelled, and then gives nil; calls that run
// at that moment are cancelled. It closes neither in nor out.
//
// A process may serve one demo server: the library under it keeps one stdio
// session for the whole process.
func Serve(ctx context.Context, name string, in io.Reader, out io.Writer) error {
	i := slices.IndexFunc(all(), func(d description) bool { return d.name == name })
	if i < 0 {
		return fmt.Errorf("cannot serve %q: %w; there are: %s", name, ErrUnknown, strings.Join(Names(), ", "))
	}
	stdio := server.NewStdioServer(build(all()[i]))
	// The library reports malformed input to this logger as well as to the
	// client; the client's answer is enough.
	stdio.SetErrorLogger(log.New(io.Discard, "", 0))
	err := stdio.Listen(ctx, in, plainWords{out})
	if err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot serve %q: %w", name, err)
	}
	return nil
}

// build makes the MCP server of a description.
func build(d description) *server.MCPServer {
	s := server.NewMCPServer("gatehouse-demo-"+d.name, "1.0.0",
		server.WithTitle(d.title),
		server.WithDescription(d.summary),
		server.WithInstructions(d.instructions),
		server.WithToolCapabilities(false),
		server.WithRecovery(),
	)
	for _, t := range d.tools() {
		s.AddTools(checked(t))
	}
	return s
}

// tool makes a tool from what it does: run gets the arguments decoded, and its
// value, which must encode as a JSON object, is the structured result and the
// text. An error of run is the tool's own failure: a result with isError.
func tool[A, R any](name, does string, run func(A) (R, error), options ...mcp.ToolOption) server.ServerTool {
	return server.ServerTool{
		Tool: define(name, does, options...),
		Handler: func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			var args A
			if err := req.BindArguments(&args); err != nil {
				return mcp.NewToolResultErrorf("cannot read the arguments of %s: %v", name, err), nil
			}
			return result(run(args))
		},
	}
}

// define makes a definition. A tool is read-only and idempotent, and never
// reaches beyond this process, unless options say otherwise.
func define(name, does string, options ...mcp.ToolOption) mcp.Tool {
	common := []mcp.ToolOption{
		mcp.WithDescription(does),
		mcp.WithReadOnlyHintAnnotation(true),
		mcp.WithDestructiveHintAnnotation(false),
		mcp.WithIdempotentHintAnnotation(true),
		mcp.WithOpenWorldHintAnnotation(false),
		mcp.WithSchemaAdditionalProperties(false),
	}
	return mcp.NewTool(name, append(common, options...)...)
}

// result makes a tool result of a value or of an error.
func result[R any](value R, err error) (*mcp.CallToolResult, error) {
	if err != nil {
		return mcp.NewToolResultError(err.Error()), nil
	}
	res, err := mcp.NewToolResultJSON(value)
	if err != nil {
		return nil, fmt.Errorf("internal: cannot encode a result: %w", err)
	}
	return res, nil
}
