//go:build !linux

package childproc

import "time"

// tree would be the descendants of a child that left its group. They can only
// be found on Linux; on Windows the job has them.
type tree struct{}

func newTree(int, string) *tree { return &tree{} }

func (*tree) note()                {}
func (*tree) terminate()           {}
func (*tree) end(func() time.Time) {}
