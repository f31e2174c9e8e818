package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/zalando/go-keyring"

	"gatehouse/internal/login/store"
)

// folderRing is a keyring that several processes share: a folder with a file for each
// item. While it has a file "locked" it answers that, and with "silent" never.
type folderRing string

// folderRingVariable names the folder of the keyring of a gateway that a test starts.
const folderRingVariable = "GATEHOUSE_TEST_KEYRING"

func useFolderRing(dir string) {
	if dir != "" {
		systemKeyring = folderRing(dir)
		systemReader.Ring = systemKeyring
	}
}

// newFolderRing makes this process and the gateways that it starts use one.
func newFolderRing(t *testing.T) folderRing {
	t.Helper()
	before := systemKeyring
	t.Cleanup(func() { systemKeyring, systemReader.Ring = before, before })
	dir := t.TempDir()
	useFolderRing(dir)
	return folderRing(dir)
}

var _ store.Keyring = folderRing("")

func (r folderRing) path(name string) string { return filepath.Join(string(r), name) }

func (r folderRing) answer() error {
	if exists(r.path("silent")) {
		select {}
	}
	if exists(r.path("locked")) {
		return errors.New("the collection is locked")
	}
	return nil
}

func (r folderRing) Set(user, secret string) error {
	if err := r.answer(); err != nil {
		return err
	}
	return os.WriteFile(r.path(user), []byte(secret), 0o600)
}

func (r folderRing) Get(user string) (string, error) {
	if err := r.note(); err != nil {
		return "", err
	}
	if err := r.answer(); err != nil {
		return "", err
	}
	data, err := os.ReadFile(r.path(user))
	if errors.Is(err, fs.ErrNotExist) {
		err = keyring.ErrNotFound
	}
	return string(data), err
}

func (r folderRing) Delete(user string) error {
	if err := r.answer(); err != nil {
		return err
	}
	if err := os.Remove(r.path(user)); errors.Is(err, fs.ErrNotExist) {
		return keyring.ErrNotFound
	} else if err != nil {
		return err
	}
	return nil
}

// note makes a file longer with each value that is asked for.
func (r folderRing) note() error {
	f, err := os.OpenFile(r.path("asked"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString("?")
	return errors.Join(err, f.Close())
}

// asked is how many values it was asked for.
func (r folderRing) asked(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile(r.path("asked"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return len(data)
}

// turn makes the keyring locked or silent, and back.
func (r folderRing) turn(t *testing.T, state string, on bool) {
	t.Helper()
	err := os.Remove(r.path(state))
	if on {
		err = os.WriteFile(r.path(state), nil, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// items are the names of the values that it has.
func (r folderRing) items(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(r.path("variable *"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
