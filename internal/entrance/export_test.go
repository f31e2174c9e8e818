package entrance

// TwoLengths reads the head of a request in two pieces. It reports whether the head
// has ended, and whether it has both lengths.
func TwoLengths(first, second []byte) (ended, both bool) {
	var h head
	if _, ended = h.read(append([]byte(nil), first...)); !ended {
		_, ended = h.read(append([]byte(nil), second...))
	}
	return ended, h.length && h.encoding
}
