package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/terminal"
)

// line makes a text of unknown origin fit for one line of a terminal: what
// could move the cursor, change colors, turn the writing direction or hide is shown as
// its escape.
func line(s string) string { return terminal.Line(s) }

// lines is the same for texts that may have several lines.
func lines(s string) string { return terminal.Lines(s) }

// writeJSON writes a value as JSON, one line, in which everything that a
// terminal could act on is escaped.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := rawjson.Encode(&b, v); err != nil {
		return failed(fmt.Errorf("cannot write the answer: %w", err))
	}
	_, err := io.WriteString(w, terminal.JSON(b.String()))
	return err
}

// age says a time span in at most two units.
func age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d > 0 && d < time.Millisecond:
		return "<1ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}
