package main

import (
	"fmt"
	"strings"

	"gatehouse/internal/admin"
	"gatehouse/internal/plural"
)

// maxShownServers is how many servers a line for people names.
const maxShownServers = 20

// nobodyText says which servers nobody can start; it is empty without any.
func nobodyText(f admin.Fleet) string {
	nobody := f.NobodyStarts()
	if len(nobody) == 0 {
		return ""
	}
	more := ""
	if n := len(nobody) - maxShownServers; n > 0 {
		nobody, more = nobody[:maxShownServers], " and "+plural.Of(n, "other server")
	}
	return fmt.Sprintf("no gateway can start %s%s: \"gatehouse status\" at each says why", line(strings.Join(nobody, ", ")), more)
}
