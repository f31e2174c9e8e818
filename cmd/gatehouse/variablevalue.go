package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/keptvars"
	"gatehouse/internal/terminal"
)

// maxValue is the largest value that is kept, in bytes. Keyrings may take less.
const maxValue = keptvars.MaxValue

// readValue reads the value of a variable: a line that is typed unseen into a terminal,
// else all of the input but its last line end.
func readValue(in io.Reader, prompt io.Writer, name string) (string, error) {
	read := func() (string, error) {
		data, err := io.ReadAll(io.LimitReader(in, maxValue+3))
		return string(data), err
	}
	if f, typed := terminal.Input(in); typed {
		read = func() (string, error) { return readUnseen(f, prompt, name) }
	}
	text, err := read()
	value := strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot read the value: %w", err)
	case value == "":
		return "", errors.New("the value is empty: nothing is kept; \"gatehouse variable remove\" removes one")
	case len(value) > maxValue:
		return "", fmt.Errorf("the value has more than %d bytes", maxValue)
	case !utf8.ValidString(value) || strings.Contains(value, "\x00"):
		return "", errors.New("the value is not a text: it is not UTF-8, or has a NUL character")
	}
	return value, nil
}

// readUnseen reads a line from a terminal that does not show it. Whichever signal ends it
// that can be caught, the terminal is as it was.
func readUnseen(f *os.File, prompt io.Writer, name string) (string, error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endsInput...)
	defer signal.Stop(signals)
	restore, err := terminal.Hide(f)
	if err != nil {
		return "", fmt.Errorf("what is typed here would be seen (%w); pipe it instead", err)
	}
	defer restore()
	fmt.Fprintf(prompt, "The value of %s (it is not shown): ", name)
	defer fmt.Fprintln(prompt)
	type typed struct {
		text string
		err  error
	}
	lines := make(chan typed, 1)
	go func() { // Ends with the line, or with the process.
		text, err := bufio.NewReader(io.LimitReader(f, maxValue+3)).ReadString('\n')
		lines <- typed{text, err}
	}()
	select {
	case l := <-lines:
		return wholeLine(f, l.text, l.err)
	case s := <-signals:
		return "", fmt.Errorf("%s: nothing is kept", s)
	}
}

// errCut is for more than a terminal gives as one line.
var errCut = fmt.Errorf("a terminal gives only one line, of less than %d bytes; pipe a longer value: gatehouse variable set NAME < FILE", terminal.MaxLine)

// wholeLine returns a line that was read from a terminal if it is all that was typed or
// pasted. The next program gets nothing of the rest.
func wholeLine(f *os.File, text string, err error) (string, error) {
	more := terminal.Discard(f)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "", err
	case more || len(strings.TrimSuffix(text, "\n")) >= terminal.MaxLine:
		return "", errCut
	}
	return text, nil
}
