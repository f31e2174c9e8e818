//go:build !linux

package fleet

import "testing"

// Run runs tests.
func Run(m *testing.M) int { return m.Run() }
