//go:build !unix

package store

import (
	"errors"
	"os"
)

// noFollow is nothing: what is in the folder belongs to the user's profile.
const noFollow = 0

// tryLock is for systems without such locks: work goes on without.
func tryLock(*os.File) (taken bool, err error) {
	return false, errors.New("there are no such locks on this system")
}
