package main

import (
	"os"

	"github.com/spf13/pflag"

	"gatehouse/internal/terminal"
)

// colorOption is --color, which every command has.
type colorOption struct{ when terminal.Color }

func (o *colorOption) register(f *pflag.FlagSet) {
	o.when = terminal.Auto
	f.Var(o, "color", "when to use colors: auto (on a terminal; NO_COLOR, CLICOLOR_FORCE and TERM=dumb are heeded), always or never")
}

// String, Set and Type implement pflag.Value.
func (o *colorOption) String() string { return string(o.when) }

// Set reads the flag's value.
func (o *colorOption) Set(s string) (err error) {
	o.when, err = terminal.ParseColor(s)
	return err
}

// Type is what --help calls the value.
func (o *colorOption) Type() string { return "when" }

// colors reports whether an output gets colors.
func (o *colorOption) colors(isTerminal bool) bool { return o.when.Colors(isTerminal, os.Getenv) }
