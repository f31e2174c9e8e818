package childproc

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// ProfileEnvironment is what the system gives the programs of this user when they log
// in: it follows from the user alone, whatever the environment of this process.
func ProfileEnvironment() ([]string, error) {
	env, err := windows.GetCurrentProcessToken().Environ(false)
	if err != nil {
		return nil, fmt.Errorf("cannot read the environment of this user's profile: %w", err)
	}
	return env, nil
}
