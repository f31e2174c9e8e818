//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package audit_test

import "testing"

func lockFile(t *testing.T, _ string) (unlock func()) {
	t.Helper()
	t.Skip("the test knows no lock of this system")
	return nil
}
