package main

import (
	"context"
	"io"
	"path/filepath"
)

// connectionsLock is held by whoever connects or disconnects a program.
func connectionsLock() string { return filepath.Join(connectionsFolder(), "lock") }

// oneByOne does something while no other process connects or disconnects a program: all
// of it, from what is read first. What writes nothing waits for nobody.
func oneByOne(ctx context.Context, errs io.Writer, dryRun bool, do func() error) error {
	if dryRun || connectionsFolder() == "" { // do says that there is no place.
		return do()
	}
	return locked(ctx, errs, connectionsLock(), "connects or disconnects a program", do)
}
