//go:build !linux

package childproc

import "time"

// family would be the descendants of a child that left its group. They can
// only be found on Linux; on Windows the job has them.
type family struct{}

func newFamily(int, string) *family { return &family{} }

func (*family) note()                {}
func (*family) terminate()           {}
func (*family) end(func() time.Time) {}
