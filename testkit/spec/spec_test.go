package spec_test

import (
	"testing"

	"gatehouse/testkit/spec"
)

func TestValidate_officialExamples_fit(t *testing.T) {
	examples, err := spec.Examples()
	if err != nil || len(examples) < 100 {
		t.Fatalf("got %d examples (%v), want at least 100", len(examples), err)
	}
	for _, e := range examples {
		if err := spec.Validate(spec.Newest, e.Definition, e.JSON); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
}

func TestValidate_whatDoesNotFit_isRefused(t *testing.T) {
	tests := []struct{ name, revision, definition, value string }{
		{"a result without content", "2025-11-25", "CallToolResult", `{"structuredContent":{}}`},
		{"structured content that is no object, before 2026-07-28", "2025-11-25", "CallToolResult", `{"content":[],"structuredContent":[1]}`},
		{"a result without resultType in 2026-07-28", "2026-07-28", "CallToolResult", `{"content":[]}`},
		{"a content block of an unknown type", "2025-06-18", "CallToolResult", `{"content":[{"type":"hologram"}]}`},
		{"a null id", "2025-11-25", "JSONRPCErrorResponse", `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}`},
		{"a URI that is none", "2026-07-28", "ResourceLink", `{"type":"resource_link","name":"n","uri":"not a uri"}`},
		{"what is not JSON", "2026-07-28", "EmptyResult", `{"resultType":"complete"`},
		{"a definition that does not exist", "2026-07-28", "Nonsense", `{}`},
		{"a revision without a schema", "2024-11-05", "CallToolResult", `{"content":[]}`},
	}
	for _, tt := range tests {
		if err := spec.Validate(tt.revision, tt.definition, []byte(tt.value)); err == nil {
			t.Errorf("%s: got no error for %s", tt.name, tt.value)
		}
	}
}

func TestValidate_ofEveryRevision_acceptsAPlainResult(t *testing.T) {
	for _, revision := range spec.Revisions {
		value := `{"content":[{"type":"text","text":"t"}],"structuredContent":{"n":9007199254740993},"resultType":"complete"}`
		if err := spec.Validate(revision, "CallToolResult", []byte(value)); err != nil {
			t.Error(err)
		}
	}
}
