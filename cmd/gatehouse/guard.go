package main

import (
	"log/slog"
	"os"
	"path/filepath"

	"gatehouse/internal/childproc"
)

// init turns a process that was started as a guard into one before anything
// else begins: a guard must stay small, and a test binary that plays a gateway
// starts its guard from itself, too.
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
