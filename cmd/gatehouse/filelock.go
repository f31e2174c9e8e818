package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gatehouse/internal/attach"
)

// lockPatience is how long a command waits for another one that is at the same work.
const lockPatience = 5 * time.Second

// locked does something while this process has the lock of a file. If another one still
// has it after a while, the error says what that one does. Whoever is killed over it
// holds up nobody. Where the file system has no locks it goes on without, and says so on
// errs.
func locked(ctx context.Context, errs io.Writer, path, does string, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	lock, err := attach.AwaitLock(ctx, path)
	switch {
	case attach.NoLocks(err):
		fmt.Fprintf(errs, "warning: cannot lock %s: %s; if somebody else %s right now, one of you may undo what the other does\n", line(path), reasonOf(err), does)
		return do()
	case errors.Is(err, attach.ErrTaken):
		return fmt.Errorf("somebody else %s right now: nothing is written; try again", does)
	case err != nil:
		return fmt.Errorf("cannot lock %s: %w", line(path), reasonOf(err))
	}
	defer lock.Release()
	return do()
}
