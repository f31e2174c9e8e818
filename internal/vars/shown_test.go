package vars_test

import (
	"testing"

	"gatehouse/internal/vars"
)

func TestShownURL_isSchemeAndHostAsWritten(t *testing.T) {
	for written, want := range map[string]string{
		"https://example.com/mcp":                     "https://example.com",
		"https://user:secret@example.com:8080/mcp":    "https://example.com:8080",
		"https://example.com/mcp?token=secret#secret": "https://example.com",
		"https://example.com/s/secret/mcp":            "https://example.com",
		"https://${U}:${P}@${HOST:-secret}/a/${PATH}": "https://${HOST:-…}",
		"https://${U:-a/b?c}@h/x":                     "https://h",
		"http://127.0.0.1:${PORT}/mcp":                "http://127.0.0.1:${PORT}",
		"${BASE}/mcp?x=secret":                        "${BASE}",
		"${BASE:-https://user:secret@h/}/mcp":         "${BASE:-…}",
		"https://user:sec?ret@h/":                     "https://…",
		"https://user:sec%zzret@h/":                   "https://…",
		"user:secret@h":                               "…",
		"https://h/${file:/run/secrets/x}?q":          "https://h",
		"https://h/a@b":                               "https://h",
		"https://h?secret@x/y":                        "https://h",
		"https://h/${unclosed-secret":                 "https://h",
	} {
		if got := vars.ShownURL(written); got != want {
			t.Errorf("%s: got %s, want %s", written, got, want)
		}
	}
}
