package eras_test

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/eras"
)

// FuzzOpen reads any file of eras: what it does not understand it does not
// know.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"f":{"era":"stateless","at":"2026-01-01T00:00:00Z"}}`))
	f.Add([]byte(`{"f":{"era":"other"}}`))
	f.Add([]byte(`{"f":{"Era":"stateless"}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "eras.json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		switch got := eras.Open(dir).Era("f"); got {
		case endpoint.EraUnknown, endpoint.EraInitialize, endpoint.EraStateless:
		default:
			t.Errorf("got the era %q, want one that exists", got)
		}
	})
}
