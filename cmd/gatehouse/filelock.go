package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/attach"
)

// lockPatience is how long a command waits for another one that is at the same work.
const lockPatience = 5 * time.Second

// locked does something while this process has the lock of a file. If another one still
// has it after a while, the error says what that one does. Whoever is killed over it
// holds up nobody.
func locked(ctx context.Context, path, does string, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	lock, err := attach.AwaitLock(ctx, path)
	if errors.Is(err, attach.ErrTaken) {
		return fmt.Errorf("somebody else %s right now: nothing is written; try again", does)
	}
	if err != nil {
		return fmt.Errorf("cannot lock %s: %w", line(path), reasonOf(err))
	}
	defer lock.Release()
	return do()
}
