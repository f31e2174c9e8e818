package login

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
)

// maxLine is how many bytes a person's line may have.
const maxLine = 64 << 10

// errNoAnswer means that the person has gone.
var errNoAnswer = errors.New("no address was entered; begin again with --manual, and paste the address that your browser ends at")

// manual reads the address that the person's browser ended at from a line of input,
// and asks again where it is not the answer. The reading ends with the input; a
// process that waits for a person is ended by its context.
func manual(ctx context.Context, input io.Reader, a attempt, again func(error)) (string, error) {
	lines := make(chan string)
	go func() { // Ends with the input, or with ctx at the next line.
		defer close(lines)
		scanner := bufio.NewScanner(input)
		scanner.Buffer(nil, maxLine)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return "", errNoAnswer
			}
			if strings.TrimSpace(line) == "" {
				continue
			}
			code, err := a.code(queryOf(line))
			if err == errNotOurs { //nolint:errorlint // It is never wrapped.
				again(err)
				continue
			}
			return code, err
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// queryOf returns the parameters of an address, or of its query alone.
func queryOf(line string) url.Values {
	line = strings.Trim(strings.TrimSpace(line), `"'<>`)
	if _, query, ok := strings.Cut(line, "?"); ok {
		line = query
	}
	line, _, _ = strings.Cut(line, "#")
	values, _ := url.ParseQuery(line) // What cannot be read lacks the state.
	return values
}
