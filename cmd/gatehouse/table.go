package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table lays out lines whose cells are separated by tabs. No line of it ends in
// blanks, whatever cells are empty.
type table struct {
	*tabwriter.Writer

	out  io.Writer
	text *strings.Builder
}

func newTable(out io.Writer) table {
	text := &strings.Builder{}
	return table{tabwriter.NewWriter(text, 0, 0, 2, ' ', 0), out, text}
}

// Flush writes the table. It is called once.
func (t table) Flush() error {
	if err := t.Writer.Flush(); err != nil {
		return fmt.Errorf("internal: cannot lay out a table: %w", err)
	}
	for l := range strings.Lines(t.text.String()) {
		if _, err := io.WriteString(t.out, strings.TrimRight(l, " \n")+"\n"); err != nil {
			return failed(err)
		}
	}
	return nil
}
