package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// olderRemoval writes an overlay for the go command in which os.RemoveAll, and so the end
// of each test with a folder, removes files as older versions of Windows did. Go asks
// for that where the system does not know the newer way, and wine 8.0 says so in other
// words than Go expects.
func olderRemoval(dir string) (path string, err error) {
	source := filepath.Join(runtime.GOROOT(), "src", "internal", "syscall", "windows", "at_windows.go") //nolint:staticcheck // "go run" has it.
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	const newer, older = "var TestDeleteatFallback bool", "var TestDeleteatFallback = true"
	if !strings.Contains(string(text), newer) {
		return "", fmt.Errorf("%s has no %q any more", source, newer)
	}
	changed, path := filepath.Join(dir, "at_windows.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), newer, older, 1)), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: changed}})
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(path, overlay, 0o600)
}
