// Package bootclock reads the clock that counts on while the machine sleeps and that
// nobody sets. All processes of a machine read the same one.
package bootclock
