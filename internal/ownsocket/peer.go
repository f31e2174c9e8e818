package ownsocket

// Peer is the process that opened a connection. What is not known is 0 and -1.
type Peer struct {
	PID int // as this process's namespace knows it; 0 for one of another namespace
	UID int // -1 where the system does not say
}
