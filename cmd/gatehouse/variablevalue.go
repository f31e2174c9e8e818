package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode/utf8"

	"gatehouse/internal/terminal"
)

// maxValue is the largest value that is kept, in bytes. Keyrings may take less.
const maxValue = 64 << 10

// readValue reads the value of a variable: a line that is typed unseen into a terminal,
// else all of the input but its last line end.
func readValue(in io.Reader, prompt io.Writer, name string) (string, error) {
	read := func() (string, error) {
		data, err := io.ReadAll(io.LimitReader(in, maxValue+3))
		return string(data), err
	}
	if f, typed := terminal.Input(in); typed {
		fmt.Fprintf(prompt, "The value of %s (it is not shown): ", name)
		read = func() (string, error) { return readUnseen(f, prompt) }
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

// readUnseen reads a line from a terminal that does not show it. However it ends, the
// terminal is as it was.
func readUnseen(f *os.File, prompt io.Writer) (string, error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	restore, err := terminal.Hide(f)
	if err != nil {
		return "", fmt.Errorf("what is typed here would be seen (%w); pipe it instead", err)
	}
	defer fmt.Fprintln(prompt)
	defer restore()
	type typed struct {
		text string
		err  error
	}
	lines := make(chan typed, 1)
	go func() { // Ends with the line, or with the process.
		text, err := bufio.NewReader(io.LimitReader(f, maxValue+3)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		lines <- typed{text, err}
	}()
	select {
	case l := <-lines:
		return l.text, l.err
	case s := <-signals:
		return "", fmt.Errorf("%s", s)
	}
}
