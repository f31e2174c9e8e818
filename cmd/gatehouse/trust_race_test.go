package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/attach"
)

// meanwhile is an output that does something when it is told of the audit log.
type meanwhile struct {
	once sync.Once
	do   func()
}

func (m *meanwhile) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("audit log")) {
		m.once.Do(m.do)
	}
	return len(p), nil
}

// The audit log can hold up an approval for seconds. What is revoked meanwhile is revoked.
func TestTrust_whileAnotherFolderIsRevoked_leavesThatRevoked(t *testing.T) {
	home, project := homeOf(t)
	put(t, project, oneServer, someRules)
	other := filepath.Join(home, "src", "other")
	if err := os.MkdirAll(other, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, other, oneServer, someRules)
	runHere("trust", "--yes", other).want(t, exitFine, "Approved")
	t.Setenv("GATEWAY_AUDIT_LOG", filepath.Join(other, ".mcp.json", "no-folder"))
	var out bytes.Buffer
	revoked := false
	errs := &meanwhile{do: func() {
		runHere("trust", "--revoke", other).want(t, exitFine, "not approved any more")
		revoked = true
	}}
	if code := run([]string{"trust", "--yes", project}, nil, &out, errs); code != exitFine || !revoked {
		t.Errorf("got exit code %d, and revoked: %t; want 0, and that it was; it said\n%s", code, revoked, out.String())
	}
	list := runHere("trust", "--list").want(t, exitFine, "approved "+project)
	if strings.Contains(list.out, other) {
		t.Errorf("got\n%s\nwant nothing of the folder that was revoked", list.out)
	}
}

// approveWhile approves a folder whose audit log cannot be written, and does something once
// it has been told of that.
func approveWhile(t *testing.T, project string, do func()) (code int, said string) {
	t.Helper()
	t.Setenv("GATEWAY_AUDIT_LOG", filepath.Join(project, ".mcp.json", "no-folder"))
	var out, warned bytes.Buffer
	done := false
	errs := &meanwhile{do: func() { do(); done = true }}
	code = run([]string{"trust", "--yes", project}, nil, &out, io.MultiWriter(errs, &warned))
	if !done {
		t.Fatalf("got no word of the audit log in\n%s%s", out.String(), warned.String())
	}
	return code, out.String() + warned.String()
}

// Whoever revokes a folder has the last word on what was approved before.
func TestTrust_whileTheSameFolderIsRevoked_isNotApproved(t *testing.T) {
	_, project := homeOf(t)
	put(t, project, oneServer, someRules)
	runHere("trust", "--yes", project).want(t, exitFine, "Approved")
	put(t, project, emptyServers, someRules)
	code, said := approveWhile(t, project, func() {
		runHere("trust", "--revoke", project).want(t, exitFine, "not approved any more")
	})
	if code != exitNo || !strings.Contains(said, "try again") {
		t.Errorf("got exit code %d and\n%s\nwant 1, and to try again", code, said)
	}
	runHere("trust", "--list").want(t, exitFine, "no folder is approved")
}

// What cannot be read may have been approved by others: it is not written over.
func TestTrust_whileTheRecordBecomesUnreadable_leavesIt(t *testing.T) {
	home, project := homeOf(t)
	put(t, project, oneServer, someRules)
	path := filepath.Join(home, ".local/state/gatehouse/trust.json")
	const later = `{"version": 2}`
	code, said := approveWhile(t, project, func() {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		putFile(t, path, later)
	})
	if got := readText(t, path); code != exitNo || got != later {
		t.Errorf("got exit code %d, the record\n%s\nand\n%s\nwant 1, and the record as it was", code, got, said)
	}
}

// A revocation goes through even if somebody approves the folder anew meanwhile.
func TestTrust_revokeWhileTheSameFolderIsApproved_revokes(t *testing.T) {
	_, project := homeOf(t)
	put(t, project, oneServer, someRules)
	runHere("trust", "--yes", project).want(t, exitFine, "Approved")
	put(t, project, emptyServers, someRules)
	t.Setenv("GATEWAY_AUDIT_LOG", filepath.Join(project, ".mcp.json", "no-folder"))
	errs := &meanwhile{do: func() { runHere("trust", "--yes", project).want(t, exitFine, "Approved") }}
	if code := run([]string{"trust", "--revoke", project}, nil, io.Discard, errs); code != exitFine {
		t.Errorf("got exit code %d, want 0", code)
	}
	runHere("trust", "--list").want(t, exitFine, "no folder is approved")
}

// Each of many approvals at once is kept.
func TestTrust_manyFoldersAtOnce_keepsAll(t *testing.T) {
	home, _ := homeOf(t)
	var dirs []string
	for i := range 4 {
		dir := filepath.Join(home, "src", strconv.Itoa(i))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, dir, oneServer, someRules)
		dirs = append(dirs, dir)
	}
	for range 5 {
		var all sync.WaitGroup
		for _, dir := range dirs {
			all.Go(func() { patiently(t, "trust", "--yes", dir) })
		}
		all.Wait()
		list := runHere("trust", "--list").want(t, exitFine)
		for _, dir := range dirs {
			if !strings.Contains(list.out, "approved "+dir) {
				t.Errorf("got\n%s\nwant %s among them", list.out, dir)
			}
		}
		for _, dir := range dirs {
			runHere("trust", "--revoke", dir).want(t, exitFine)
		}
	}
}

// patiently runs a command again for as long as it says to: on a busy machine the others
// may have the lock for longer than it waits.
func patiently(t *testing.T, args ...string) {
	t.Helper()
	for range 20 {
		r := runHere(args...)
		if r.code == exitFine {
			return
		}
		if !strings.Contains(r.err, "right now: nothing is written; try again") {
			t.Errorf("%v: got exit code %d and %s, want 0, or to try again", args, r.code, r.err)
			return
		}
	}
	t.Errorf("%v: got no lock in 20 tries, want one", args)
}

// Who cannot change the record now says so, and changes nothing.
func TestTrust_whileAnotherWritesTheRecord_changesNothing(t *testing.T) {
	_, project := homeOf(t)
	put(t, project, oneServer, someRules)
	runHere("trust", "--yes", project).want(t, exitFine, "Approved")
	want := readText(t, recordPath())
	lock, err := attach.AwaitLock(t.Context(), recordPath()+".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = changeRecord(ctx, io.Discard, revocation(project))
	if got := readText(t, recordPath()); err == nil || !strings.Contains(err.Error(), "right now: nothing is written; try again") || got != want {
		t.Errorf("got %v and the record\n%s\nwant that nothing is written", err, got)
	}
}

// What is approved is what was shown: of files that have changed since, nothing is said to
// be approved.
func TestTrust_whileAFileChanges_isNotApproved(t *testing.T) {
	_, project := homeOf(t)
	const named = `{"mcpServers": {"files": {"command": "sh", "envFile": ".env"}}}`
	for _, file := range []string{".mcp.json", ".mcp-gateway-rules.json", ".env"} {
		put(t, project, named, someRules)
		putFile(t, filepath.Join(project, ".env"), "A=1\n")
		path := filepath.Join(project, file)
		code, said := approveWhile(t, project, func() { putFile(t, path, readText(t, path)+"\n") })
		if code != exitNo || !strings.Contains(said, path+" has changed since it was shown: nothing is approved") || strings.Contains(said, "Approved.") {
			t.Errorf("got exit code %d and\n%s\nwant 1, and that %s has changed", code, said, path)
		}
		runHere("trust", "--list").want(t, exitFine, "no folder is approved")
	}
}
