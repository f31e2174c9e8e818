// Package spec checks JSON against MCP's official schemas, copies of which are
// in this folder: see README.md.
package spec

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed mcp-*.schema.json examples-*
var files embed.FS

// Revisions are those with a schema, oldest first.
var Revisions = []string{"2025-06-18", "2025-11-25", "2026-07-28"}

// Newest is the revision whose examples Examples gives.
const Newest = "2026-07-28"

var (
	mu       sync.Mutex
	compiler = sync.OnceValues(compile)
	compiled = map[string]*jsonschema.Schema{}
)

// compile reads the schemas. Formats are asserted, so that a uri is one.
func compile() (*jsonschema.Compiler, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, revision := range Revisions {
		content, err := files.ReadFile(file(revision))
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		if err := c.AddResource(name(revision), doc); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func file(revision string) string { return "mcp-" + revision + ".schema.json" }

// name is what a schema is called in errors.
func name(revision string) string { return "mcp://" + revision + "/schema.json" }

// definitions is where a revision keeps them.
func definitions(revision string) string {
	if revision == "2025-06-18" {
		return "definitions"
	}
	return "$defs"
}

// Validate checks a JSON value against a definition of a revision, such as
// "CallToolResult" of "2025-11-25". The error says what does not fit. It may
// be called from any goroutine.
func Validate(revision, definition string, value []byte) error {
	schema, err := schemaOf(revision, definition)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return fmt.Errorf("this is not JSON: %w: %.200s", err, value)
	}
	if err := schema.Validate(v); err != nil {
		return fmt.Errorf("no %s of %s: %w\n%.2000s", definition, revision, err, value)
	}
	return nil
}

func schemaOf(revision, definition string) (*jsonschema.Schema, error) {
	if !slices.Contains(Revisions, revision) {
		return nil, fmt.Errorf("revision %q has no schema here", revision)
	}
	c, err := compiler()
	if err != nil {
		return nil, fmt.Errorf("cannot read the schemas: %w", err)
	}
	where := name(revision) + "#/" + definitions(revision) + "/" + definition
	mu.Lock()
	defer mu.Unlock()
	if s := compiled[where]; s != nil {
		return s, nil
	}
	s, err := c.Compile(where)
	if err != nil {
		return nil, fmt.Errorf("cannot compile %s: %w", where, err)
	}
	compiled[where] = s
	return s, nil
}

// Example is one of the specification's own.
type Example struct {
	Definition string // such as "CallToolResult"
	Name       string // of its file
	JSON       []byte
}

// Examples returns those of the Newest revision whose definition begins with one
// of these names, all without names, in the order of their files.
func Examples(definitions ...string) ([]Example, error) {
	dir := "examples-" + Newest
	entries, err := files.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []Example
	for _, e := range entries {
		definition, _, ok := strings.Cut(e.Name(), "--")
		wanted := func(d string) bool { return strings.HasPrefix(definition, d) }
		if !ok || definitions != nil && !slices.ContainsFunc(definitions, wanted) {
			continue
		}
		content, err := files.ReadFile(path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, Example{Definition: definition, Name: e.Name(), JSON: content})
	}
	return out, nil
}
