package main

import (
	"log/slog"
	"os"
	"path/filepath"

	"gatehouse/internal/childproc"
)

// init lets this program be the guard of a gateway's processes, before
// anything else of it begins: a guard must stay small, and a test binary that
// is a gateway starts its guard from itself as well.
func init() {
	if childproc.IsGuard() {
		os.Exit(childproc.RunGuard())
	}
}

// keepProcesses makes sure that no server's process outlives this gateway. The
// caller must close it when the servers are stopped.
func keepProcesses(instance string, log *slog.Logger) *childproc.Reaper {
	dir := stateFolder()
	if dir != "" {
		dir = filepath.Join(dir, "instances")
	}
	return childproc.StartReaper(childproc.ReaperOptions{Instance: instance, Dir: dir, Guard: true, Log: log})
}
