package fleet_test

import (
	"testing"

	"gatehouse/internal/fleet"
)

func TestStand_aGatewayWithoutTenure(t *testing.T) {
	with, without, silent := fleet.Heard{Answered: true, Tenure: true}, fleet.Heard{Answered: true}, fleet.Heard{}
	for name, c := range map[string]struct {
		peers []fleet.Heard
		want  fleet.Standing
		ready bool
	}{
		"alone":                            {nil, fleet.StoreDown, true},
		"none has it":                      {[]fleet.Heard{without, without}, fleet.StoreDown, true},
		"one has it":                       {[]fleet.Heard{without, with}, fleet.CutOff, false},
		"one has it and another is silent": {[]fleet.Heard{silent, with}, fleet.CutOff, false},
		"no answer is not none":            {[]fleet.Heard{without, silent}, fleet.Unclear, false},
		"nobody answers":                   {[]fleet.Heard{silent, silent}, fleet.Unclear, false},
	} {
		got := fleet.Stand(c.peers)
		if got != c.want || got.Ready() != c.ready {
			t.Errorf("%s: got %d, ready %v; want %d, ready %v", name, got, got.Ready(), c.want, c.ready)
		}
	}
}
