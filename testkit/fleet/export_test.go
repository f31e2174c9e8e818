//go:build linux

package fleet

// Acts reports whether a process acts of which /proc/PID/stat says this.
func Acts(line string) bool { return conditionOf(statFields([]byte(line))) == acts }
