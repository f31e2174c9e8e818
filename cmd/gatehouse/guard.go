package main

import (
	"log/slog"
	"path/filepath"

	"gatehouse/internal/childproc"
)

// keepProcesses makes sure that no server's process outlives this gateway. The
// caller must close it when the servers are stopped.
func keepProcesses(instance string, log *slog.Logger) *childproc.Reaper {
	dir := stateFolder()
	if dir != "" {
		dir = filepath.Join(dir, "instances")
	}
	return childproc.StartReaper(childproc.ReaperOptions{Instance: instance, Dir: dir, Guard: true, Log: log})
}
