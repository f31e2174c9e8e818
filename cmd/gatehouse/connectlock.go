package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"gatehouse/internal/attach"
)

// connectPatience is how long a connect or disconnect waits for another one.
const connectPatience = 5 * time.Second

// connectionsLock is held by whoever connects or disconnects a program.
func connectionsLock() string { return filepath.Join(connectionsFolder(), "lock") }

// oneByOne does something while no other process connects or disconnects a program: all
// of it, from what is read first. Whoever is killed over it holds up nobody, and what
// writes nothing waits for nobody.
func oneByOne(ctx context.Context, dryRun bool, do func() error) error {
	if dryRun || connectionsFolder() == "" { // do says that there is no place.
		return do()
	}
	ctx, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	lock, err := attach.AwaitLock(ctx, connectionsLock())
	if errors.Is(err, attach.ErrTaken) {
		return errors.New("somebody else connects or disconnects a program right now: nothing is written; try again")
	}
	if err != nil {
		return fmt.Errorf("cannot lock %s: %w", line(connectionsLock()), reasonOf(err))
	}
	defer lock.Release()
	return do()
}
