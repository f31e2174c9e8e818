package terminal

import (
	"io"
	"regexp"
)

// Output is a standard output of the program. What is written to it is text of
// unknown origin: it comes out as [Lines] has it, so that no path of the program
// can forget that.
type Output struct{ raw io.Writer }

// Safe returns the Output on w.
func Safe(w io.Writer) *Output { return &Output{raw: w} }

// Write writes a text with all that is not plain made visible. Each call should
// hold whole characters: half of one is shown as bytes. It returns the number of
// bytes of p, not of what they became.
func (o *Output) Write(p []byte) (int, error) {
	if _, err := io.WriteString(o.raw, Lines(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Raw returns what an Output writes to, for what is not text for people: MCP and the
// log, whose handler makes its own texts visible. Any other writer is returned as it is.
func Raw(w io.Writer) io.Writer {
	if o, ok := w.(*Output); ok {
		return o.raw
	}
	return w
}

// ours are the sequences that the program itself draws with.
var ours = regexp.MustCompile("\x1b\\[(?:[0-9;]{1,8}m|2J|[HJK])")

// Draw writes a text in which colours and moves of the cursor are meant: the few
// sequences of our own go through, and all else is as with Write.
func Draw(w io.Writer, text string) error {
	var out []byte
	at := 0
	for _, found := range ours.FindAllStringIndex(text, -1) {
		out = append(append(out, Lines(text[at:found[0]])...), text[found[0]:found[1]]...)
		at = found[1]
	}
	out = append(out, Lines(text[at:])...)
	_, err := Raw(w).Write(out)
	return err //nolint:wrapcheck // As with a writer.
}
