package redact_test

import (
	"strings"
	"testing"

	"gatehouse/internal/redact"
)

// FuzzString looks for a secret in any text: none is left.
func FuzzString(f *testing.F) {
	f.Add("Bearer ", "hunter2-hunter2", " refused")
	f.Add("a\nb", "line one\nline two", "")
	f.Add("", `quo"ted\secret`, "quo")
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		switch strings.ToLower(secret) {
		case "true", "false", "null", "none":
			return
		}
		if len(secret) < redact.MinLength {
			return
		}
		r := redact.New([]redact.Secret{{Name: "TOKEN", Value: secret}})
		if got := r.String(before + secret + after); strings.Contains(got, secret) && !strings.Contains("[redacted TOKEN][redacted TOKEN]", secret) {
			t.Errorf("%q is left in %q, want none of it", secret, got)
		}
	})
}
