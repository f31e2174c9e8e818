package childproc

import "os"

// ExitStatus says how a child ended. The zero value means that it has not.
type ExitStatus struct {
	// Code is the exit code, -1 if the child was ended by a signal or the
	// status could not be had.
	Code int
	// Signal is the name of the signal that ended the child, such as
	// "killed"; empty if it ended by itself.
	Signal string
	text   string
}

// String says it in words: "exit status 3", "signal: killed".
func (e ExitStatus) String() string {
	if e.text == "" {
		return "running"
	}
	return e.text
}

// OK reports whether the child ended by itself with exit code 0.
func (e ExitStatus) OK() bool { return e.text != "" && e.Code == 0 }

func exitStatus(s *os.ProcessState) ExitStatus {
	if s == nil { // somebody else has reaped the child
		return ExitStatus{Code: -1, text: "exit status unknown"}
	}
	return ExitStatus{Code: s.ExitCode(), Signal: signalName(s), text: s.String()}
}
