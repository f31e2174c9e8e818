//go:build linux

package cpu

// ParseTicks and ParseSpent are for tests.
func ParseTicks(stat string) (idle, total float64, ok bool) {
	t, ok := parseTicks([]byte(stat))
	return t.idle, t.total, ok
}

func ParseSpent(limit, stat string) (used, perSecond float64) {
	s := parseSpent(limit, stat)
	return s.used, s.perSecond
}
