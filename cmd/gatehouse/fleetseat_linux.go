package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// takeFleetSeat keeps others from what is kept at a path for as long as the file that
// it returns is open, and this process lives. It returns nil if another process has it.
func takeFleetSeat(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make a folder: %w", err)
	}
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open a lock: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close() // It has nothing.
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil //nolint:nilnil // Another process has it.
	}
	return nil, fmt.Errorf("cannot lock %s: %w", path, err)
}
