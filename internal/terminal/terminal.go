// Package terminal knows about the terminal that an output may be: whether it
// is one, how large it is, and whether colours are wanted on it. It keeps texts of
// unknown origin from acting on it: they are made visible, whatever they hold.
package terminal

import (
	"errors"
	"io"
	"os"
)

// Size is how many characters fit on a terminal. A zero is unknown.
type Size struct{ Columns, Rows int }

// Of returns the size of the terminal that w is, and whether it is one. A
// terminal that does not know its size has a zero Size.
func Of(w io.Writer) (Size, bool) {
	f, ok := Raw(w).(*os.File)
	if !ok {
		return Size{}, false
	}
	return size(f)
}

// Color says when to use colours.
type Color string

// The values of --color.
const (
	Auto   Color = "auto"
	Always Color = "always"
	Never  Color = "never"
)

// ParseColor reads --color.
func ParseColor(s string) (Color, error) {
	switch c := Color(s); c {
	case Auto, Always, Never:
		return c, nil
	}
	return "", errors.New("use auto, always or never")
}

// Colors reports whether an output gets colours. What the user asks for with
// --color wins; then NO_COLOR, then CLICOLOR_FORCE (any value but 0), as their
// conventions say; else a terminal gets them, unless TERM is dumb or CLICOLOR
// is 0. getenv is os.Getenv.
func (c Color) Colors(isTerminal bool, getenv func(string) string) bool {
	switch {
	case c == Always:
		return true
	case c == Never, getenv("NO_COLOR") != "":
		return false
	}
	if force := getenv("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	return isTerminal && getenv("TERM") != "dumb" && getenv("CLICOLOR") != "0"
}
