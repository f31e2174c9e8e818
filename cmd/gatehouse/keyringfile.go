package main

import (
	"context"
	"slices"
	"sync"

	"gatehouse/internal/keptvars"
	"gatehouse/internal/locate"
	"gatehouse/internal/login/store"
	"gatehouse/internal/vars"
)

// systemKeyring has the values of variables, and systemReader asks it.
var (
	systemKeyring store.Keyring = store.System{}
	systemReader                = &keptvars.Reader{Ring: systemKeyring}
)

// keyringFile is the list of variables whose values are in the keyring.
type keyringFile struct {
	locate.Found
	// stored asks the keyring for those of the list, once for all who load the files
	// for one command.
	stored func(list []byte) map[string]vars.Stored
}

// findKeyringFile finds the list of the config folder, whether it is there or not. Its
// path is empty if there is no such folder.
func findKeyringFile() keyringFile {
	f := keyringFile{Found: locate.KeyringFile(configDir())}
	var once sync.Once
	var answers map[string]vars.Stored
	f.stored = func(list []byte) map[string]vars.Stored {
		once.Do(func() { answers = systemReader.Values(list) })
		return answers
	}
	return f
}

// askKeyring reads the files again if a server that is to be restarted lacks what is in
// the keyring.
func (o *operator) askKeyring(ctx context.Context, server string) {
	if slices.Contains(o.view.Load().Unanswered, server) {
		_, _ = o.reload(ctx) // What is still wrong is why the restart is refused.
	}
}
