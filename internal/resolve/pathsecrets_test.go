package resolve_test

import (
	"slices"
	"testing"

	"gatehouse/internal/resolve"
)

func TestPathSecrets(t *testing.T) {
	for path, want := range map[string][]string{
		"":                            nil,
		"/":                           nil,
		"/mcp":                        nil,
		"/mcp/":                       nil,
		"/api/v1/sse":                 nil,
		"/v2/my-server/mcp":           nil,
		"/2025/08/mcp":                nil,
		"/Files/mcp.json":             nil,
		"/api/mcp/s/SECRET/mcp":       {"SECRET", "api/mcp/s/SECRET/mcp"},
		"/s/hunter2/mcp":              {"hunter2", "s/hunter2/mcp"},
		"/mcp/sk-live-51HxYz":         {"sk-live-51HxYz", "mcp/sk-live-51HxYz"},
		"/c0ffee00-1234/sse":          {"c0ffee00-1234", "c0ffee00-1234/sse"},
		"/qwrtzpsdfg/mcp":             {"qwrtzpsdfg", "qwrtzpsdfg/mcp"},
		"/abracadabraabracadabra/mcp": {"abracadabraabracadabra", "abracadabraabracadabra/mcp"},
		"/a%20b%2Fc/mcp":              {"a%20b%2Fc", "a%20b%2Fc/mcp"},
		"/12345678":                   {"12345678", "12345678"},
		"/s3-files/mcp":               nil, // The server's name, which everybody knows.
		"/s3-files/hunter2":           {"hunter2", "s3-files/hunter2"},
		"/s3-files2/mcp":              {"s3-files2", "s3-files2/mcp"},
	} {
		if got := resolve.PathSecrets(path, "s3-files"); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
