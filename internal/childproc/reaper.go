package childproc

import "log/slog"

// ReaperOptions say how a Reaper works.
type ReaperOptions struct {
	// Instance is the id that the children carry in InstanceVariable: 8 to 64
	// small letters and digits.
	Instance string
	// Dir is the folder of the records; it is made, for its owner alone. If it
	// is empty, no record is kept and nothing is swept.
	Dir string
	// Guard starts this very program again as a guard: a program that imports this
	// package becomes one by itself.
	Guard bool
	// Log hears what went wrong and what was swept.
	Log *slog.Logger
}
