package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever can write the record of a connection has no other file read or removed by it.
func TestDisconnect_aCopyElsewhere_isRefused(t *testing.T) {
	home, _ := inCursor(t, ofCursor(t), true)
	atHome(t, "connect", "cursor").want(t, exitFine)
	theirs := filepath.Join(home, "id")
	if err := os.WriteFile(theirs, []byte("PRIVATE KEY"), 0o600); err != nil {
		t.Fatal(err)
	}
	record := filepath.Join(home, connections, "cursor.json")
	written := readText(t, record)
	up := strings.Repeat("../", strings.Count(filepath.ToSlash(connections), "/")+1)
	for _, name := range []string{up + "id", "cursor/../" + up + "id", "cursor-x.backup", "cursor1.backup", "cursor-1.backup/" + up + "id", "cline.backup", "cursor.json"} {
		text := strings.Replace(written, `"taken"`, `"copy": "`+name+`", "taken"`, 1)
		if err := os.WriteFile(record, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		atHome(t, "disconnect", "cursor").want(t, exitNo, "names a copy that is none of gatehouse's")
	}
	if got := readText(t, theirs); got != "PRIVATE KEY" {
		t.Errorf("got %q, want the other file as it was", got)
	}
}
