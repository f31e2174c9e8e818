// Package lazyregexp has regular expressions that are compiled with their first
// use: a program with many of them starts sooner, and most runs of it use few.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns a function that returns the compiled expression. Its first call
// compiles it, and panics if it is none. The function may be called from many
// goroutines at once.
func New(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
