//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTrust_theLockIsALink_saysSoAndChangesNothing(t *testing.T) {
	home, project := homeOf(t)
	put(t, project, oneServer, someRules)
	runHere("trust", "--yes", project).want(t, exitFine, "Approved")
	lock, elsewhere := recordPath()+".lock", filepath.Join(home, "made")
	if err := os.Symlink(elsewhere, lock); err != nil {
		t.Fatal(err)
	}
	runHere("trust", "--revoke", project).want(t, exitNo, "cannot lock "+lock+": it is not a regular file; remove it")
	runHere("trust", "--list").want(t, exitFine, "approved "+project)
	if exists(elsewhere) {
		t.Error("a file was made behind the link, want none")
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	runHere("trust", "--revoke", project).want(t, exitFine, "not approved any more")
}
