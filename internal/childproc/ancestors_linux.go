package childproc

func readLink(pid int) (link, bool) {
	p, ok := readProc(pid)
	return link{parent: p.ppid, start: p.start}, ok
}

// isMarked reports whether a process has the mark of a gateway, as far as its
// environment can be seen.
func isMarked(pid int) bool {
	p, ok := readProc(pid)
	return ok && len(entries([]proc{p}, InstanceVariable)) > 0
}
