package terminal_test

import (
	"bytes"
	"os"
	"testing"

	"gatehouse/internal/terminal"
)

func TestColors(t *testing.T) {
	type env map[string]string
	for name, c := range map[string]struct {
		color    terminal.Color
		terminal bool
		env      env
		want     bool
	}{
		"a terminal":                        {terminal.Auto, true, env{"TERM": "xterm"}, true},
		"a terminal without TERM":           {terminal.Auto, true, nil, true},
		"no terminal":                       {terminal.Auto, false, env{"TERM": "xterm"}, false},
		"a dumb terminal":                   {terminal.Auto, true, env{"TERM": "dumb"}, false},
		"NO_COLOR":                          {terminal.Auto, true, env{"NO_COLOR": "1"}, false},
		"NO_COLOR of any value":             {terminal.Auto, true, env{"NO_COLOR": "0"}, false},
		"an empty NO_COLOR is not there":    {terminal.Auto, true, env{"NO_COLOR": ""}, true},
		"CLICOLOR off":                      {terminal.Auto, true, env{"CLICOLOR": "0"}, false},
		"CLICOLOR on needs a terminal":      {terminal.Auto, false, env{"CLICOLOR": "1"}, false},
		"CLICOLOR_FORCE without a terminal": {terminal.Auto, false, env{"CLICOLOR_FORCE": "1"}, true},
		"CLICOLOR_FORCE on a dumb one":      {terminal.Auto, true, env{"CLICOLOR_FORCE": "1", "TERM": "dumb"}, true},
		"CLICOLOR_FORCE of 0 forces nothing": {
			terminal.Auto, false, env{"CLICOLOR_FORCE": "0"}, false,
		},
		"NO_COLOR is stronger than CLICOLOR_FORCE": {terminal.Auto, true, env{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, false},
		"always is stronger than all":              {terminal.Always, false, env{"NO_COLOR": "1", "TERM": "dumb"}, true},
		"never is stronger than all":               {terminal.Never, true, env{"CLICOLOR_FORCE": "1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.color.Colors(c.terminal, func(key string) string { return c.env[key] }); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestParseColor_refusesOtherWords(t *testing.T) {
	for _, s := range []string{"", "yes", "Always"} {
		if got, err := terminal.ParseColor(s); err == nil {
			t.Errorf("%q: got %q, want an error", s, got)
		}
	}
}

func TestOf_whatIsNotATerminal(t *testing.T) {
	if _, ok := terminal.Of(&bytes.Buffer{}); ok {
		t.Error("a buffer: got true, want false")
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if _, ok := terminal.Of(null); ok {
		t.Errorf("%s: got true, want false", os.DevNull)
	}
}
