package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// days is a time span of a flag that may be in days: "7d", "36h".
type days struct{ text string }

// String, Set and Type implement pflag.Value.
func (d *days) String() string { return d.text }

// Set keeps the text; check says what is wrong with it.
func (d *days) Set(s string) error {
	d.text = s
	return nil
}

// Type is what --help calls the value.
func (d *days) Type() string { return "duration" }

// maxDays is more than anybody means.
const maxDays = 36500

// duration returns the span, which is longer than nothing.
func (d *days) duration() (time.Duration, error) {
	span, err := time.ParseDuration(d.text)
	if n, ok := strings.CutSuffix(d.text, "d"); ok {
		var whole int
		if whole, err = strconv.Atoi(n); whole <= maxDays {
			span = time.Duration(whole) * 24 * time.Hour
		}
	}
	if err != nil || span <= 0 {
		return 0, fmt.Errorf("%q: use a time such as 7d or 36h", d.text)
	}
	return span, nil
}
