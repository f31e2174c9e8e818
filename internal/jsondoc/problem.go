package jsondoc

import (
	"fmt"
)

// Severity says how bad a Problem is.
type Severity string

// The severities. Only Error keeps a file from being loaded.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Problem is one thing wrong in a file, at a position. Its JSON form is the
// one that `gatehouse validate --json` prints.
type Problem struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`   // from 1; 0 when the file as a whole is meant
	Column   int      `json:"column"` // from 1, in code points
	Path     string   `json:"path,omitempty"`
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
}

// String returns "file:line:col: path: message", without the hint.
func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d:%d", p.Line, p.Column)
	}
	if p.Path != "" {
		s += ": " + p.Path
	}
	return s + ": " + p.Message
}
