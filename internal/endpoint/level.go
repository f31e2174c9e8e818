package endpoint

import "slices"

// Level is how severe a log message of a server is. 0 is none: nobody wants any.
type Level int

// The levels' names, the most verbose first.
var levels = []string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

// LevelNamed returns the level of that name; 0 if there is none.
func LevelNamed(name string) Level { return Level(slices.Index(levels, name) + 1) }

func (l Level) String() string {
	if l < 1 || int(l) > len(levels) {
		return ""
	}
	return levels[l-1]
}

// moreVerbose is the level of two that lets more through.
func moreVerbose(a, b Level) Level {
	switch {
	case a == 0:
		return b
	case b == 0:
		return a
	}
	return min(a, b)
}
