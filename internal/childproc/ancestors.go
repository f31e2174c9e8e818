package childproc

// Ancestor is a process above another one.
type Ancestor struct {
	PID int
	// Marked is set if it is a server of some gateway, as far as its
	// environment can be seen.
	Marked bool
}
