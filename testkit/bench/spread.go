package main

import (
	"fmt"
	"slices"
)

// spread is a number of several rounds.
type spread struct{ median, least, most float64 }

func (s spread) String() string {
	return fmt.Sprintf("%.2f (%.2f..%.2f)", s.median, s.least, s.most)
}

func spreadOf(rounds []round, value func(round) float64) spread {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = value(r)
	}
	return spreadFrom(values)
}

func spreadFrom(values []float64) spread {
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return spread{median: (values[(n-1)/2] + values[n/2]) / 2, least: values[0], most: values[n-1]}
}
