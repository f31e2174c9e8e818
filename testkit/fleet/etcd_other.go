//go:build !linux

package fleet

import (
	"errors"
	"os"
	"syscall"
)

func ownDeath() *syscall.SysProcAttr { return nil }

var stopSignal, continueSignal os.Signal = os.Interrupt, os.Interrupt

func lockFolder(string) (unlock func(), err error) {
	return nil, errors.New("fleets are for Linux")
}
