package main

import (
	"fmt"

	"gatehouse/internal/admin"
	"gatehouse/internal/plural"
)

// crashes are the runs of a server that ended by themselves, with the calls that
// ran and the last lines, the newest last.
func (p page) crashes(d admin.ServerDetail) []string {
	if len(d.Crashes) == 0 {
		return nil
	}
	lines := []string{"", p.paint(bold, "last crashes")}
	for _, c := range d.Crashes {
		lines = append(lines, p.indented(fmt.Sprintf("%s  %s, run %d, while %s, %s in flight",
			clock(c.At), line(c.Reason), c.Run, line(c.Phase), plural.Of(c.InFlight, "call")))...)
		for _, call := range c.Calls {
			lines = append(lines, p.indented(fmt.Sprintf("          %s by %s, %s", line(call.Tool), line(call.Agent), line(call.ID)))...)
		}
		for _, text := range c.Stderr {
			lines = append(lines, p.indented("          | "+line(text))...)
		}
	}
	return lines
}
