package vars_test

import (
	"testing"

	"gatehouse/internal/vars"
)

func TestShownURL_hasNeitherUserinfoNorQueryNorDefaults(t *testing.T) {
	for written, want := range map[string]string{
		"https://example.com/mcp":                     "https://example.com/mcp",
		"https://user:secret@example.com:8080/mcp":    "https://example.com:8080/mcp",
		"https://example.com/mcp?token=secret#secret": "https://example.com/mcp",
		"https://${U}:${P}@${HOST:-secret}/a/${PATH}": "https://${HOST:-…}/a/${PATH}",
		"https://${U:-a/b?c}@h/x":                     "https://h/x",
		"http://127.0.0.1:${PORT}/mcp":                "http://127.0.0.1:${PORT}/mcp",
		"${BASE}/mcp?x=secret":                        "${BASE}/mcp",
		"${BASE:-https://user:secret@h/}/mcp":         "${BASE:-…}/mcp",
		"https://user:sec?ret@h/":                     "https://…",
		"https://user:sec%zzret@h/":                   "https://…",
		"user:secret@h":                               "…",
		"https://h/${file:/run/secrets/x}?q":          "https://h/${file:/run/secrets/x}",
		"https://h/a@b":                               "https://h/a@b",
		"https://h?secret@x/y":                        "https://h",
		"https://h/${unclosed-secret":                 "https://h/${…",
	} {
		if got := vars.ShownURL(written); got != want {
			t.Errorf("%s: got %s, want %s", written, got, want)
		}
	}
}
