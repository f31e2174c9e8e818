package tracing

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// sampling decides which calls are followed, before anything is made for them. It
// decides as OpenTelemetry's samplers do, bit for bit: programs that share a trace
// must come to the same answer. Its zero value follows none.
type sampling struct {
	// byParent has the trace that a call is part of decide, if it is part of one.
	byParent bool
	// below is the bound of the ids of traces that are followed, in their last 63 bits.
	below uint64
}

const allIDs = 1 << 63

// samplingOf reads OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG. An error says
// what cannot be followed in them; the default counts in its place.
func samplingOf(name, arg string) (sampling, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	base, byParent := strings.CutPrefix(name, "parentbased_")
	s := sampling{byParent: byParent, below: allIDs}
	var err error
	switch base {
	case "":
		s.byParent = true
		if name != "" {
			err = unknownSampler(name)
		}
	case "always_on":
	case "always_off":
		s.below = 0
	case "traceidratio":
		s.below, err = bound(strings.TrimSpace(arg))
	default:
		s.byParent, err = true, unknownSampler(name)
	}
	return s, err
}

func unknownSampler(name string) error {
	return fmt.Errorf("OTEL_TRACES_SAMPLER is %q: use always_on, always_off or traceidratio, with parentbased_ before it or not; all calls are traced", name)
}

// bound is the bound for a ratio.
func bound(ratio string) (uint64, error) {
	if ratio == "" {
		return allIDs, nil
	}
	v, err := strconv.ParseFloat(ratio, 64)
	if err != nil || !(v >= 0 && v <= 1) { // NaN is neither.
		return allIDs, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG is %q: use a number from 0 to 1; all calls are traced", ratio)
	}
	return uint64(v * allIDs), nil
}

// follows reports whether a call in that trace is followed. parent is the flag of
// the trace, and counts only if the call came with one.
func (s sampling) follows(trace [16]byte, came, parent bool) bool {
	if came && s.byParent {
		return parent
	}
	return binary.BigEndian.Uint64(trace[8:])>>1 < s.below
}
