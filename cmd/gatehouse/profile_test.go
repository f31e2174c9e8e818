package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestProfile_ofTheWholeRun_isWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cpu.prof")
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Env: []string{profileVariable + "=" + path},
	})
	if code := g.Stop(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if gzipped := []byte{0x1f, 0x8b}; !bytes.HasPrefix(got, gzipped) {
		t.Errorf("got %d bytes that are no profile", len(got))
	}
}

func TestProfile_fileThatCannotBeWritten_isAnErrorAtTheStart(t *testing.T) {
	t.Parallel()
	code, text := startAndFail(t, testkit.Options{
		Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Env: []string{profileVariable + "=" + t.TempDir()},
	})
	if code != exitNo || !strings.Contains(text, profileVariable) {
		t.Errorf("got the exit code %d, want %d, and a text that names the variable: %s", code, exitNo, text)
	}
}
