package pace_test

import (
	"slices"
	"testing"
	"time"

	"gatehouse/internal/pace"
)

func ages(n int, age time.Duration) []pace.Start {
	return slices.Repeat([]pace.Start{{Age: age}}, n)
}

// sleeping are starts that have nothing to do.
func sleeping(n int, age time.Duration) []pace.Start {
	return slices.Repeat([]pace.Start{{Age: age, Asleep: true}}, n)
}

func TestNext_howManyMayStart(t *testing.T) {
	busy := pace.Machine{Cores: 2, Idle: 0.1, Known: true}
	idle := pace.Machine{Cores: 2, Idle: 1, Known: true}
	half := pace.Machine{Cores: 2, Idle: 0.5, Known: true}
	const young, slow, old = 30 * time.Millisecond, pace.Slow, pace.Hold
	for name, c := range map[string]struct {
		machine pace.Machine
		starts  pace.Starts
		want    int
		grown   bool
	}{
		"nobody waits":                             {idle, pace.Starts{Running: ages(1, young)}, 0, false},
		"at first as many as there are cores":      {busy, pace.Starts{Waiting: 24}, 2, false},
		"at first no more, however idle":           {idle, pace.Starts{Waiting: 24}, 2, false},
		"busy with as many":                        {busy, pace.Starts{Waiting: 24, Running: ages(2, young)}, 0, false},
		"busy with one less":                       {busy, pace.Starts{Waiting: 24, Running: ages(1, young)}, 1, false},
		"busy with more":                           {busy, pace.Starts{Waiting: 24, Running: ages(9, young)}, 0, false},
		"idle: the number trebles":                 {idle, pace.Starts{Waiting: 48, Running: ages(2, young)}, 4, true},
		"and trebles":                              {idle, pace.Starts{Waiting: 44, Running: ages(6, young)}, 12, true},
		"but no more than wait":                    {idle, pace.Starts{Waiting: 5, Running: ages(6, young)}, 5, true},
		"half idle: it doubles":                    {half, pace.Starts{Waiting: 48, Running: ages(2, young)}, 2, true},
		"idle, but a start is slow":                {idle, pace.Starts{Waiting: 48, Running: append(ages(5, young), ages(1, slow)...), Grown: pace.GrowEvery - 1}, 0, false},
		"idle, and a start has long been slow":     {idle, pace.Starts{Waiting: 48, Running: append(ages(5, young), ages(1, slow)...), Grown: pace.GrowEvery}, 1, true},
		"busy, and a start has long been slow":     {busy, pace.Starts{Waiting: 48, Running: ages(3, slow), Grown: time.Hour}, 0, false},
		"starts that take too long don't count":    {busy, pace.Starts{Waiting: 48, Running: ages(5, old)}, 2, false},
		"busy, but those that run sleep":           {busy, pace.Starts{Waiting: 24, Running: sleeping(9, young)}, 2, false},
		"busy, and one of them does not sleep":     {busy, pace.Starts{Waiting: 24, Running: append(ages(1, young), sleeping(9, young)...)}, 1, false},
		"busy, and those that sleep are slow":      {busy, pace.Starts{Waiting: 24, Running: sleeping(9, slow)}, 0, false},
		"idle, and those that run sleep":           {idle, pace.Starts{Waiting: 48, Running: sleeping(6, young)}, 12, true},
		"called ones need not wait for the others": {busy, pace.Starts{Waiting: 24, Called: 1, Running: ages(2, young)}, 1, false},
		"nor do many, but they are paced as well":  {busy, pace.Starts{Waiting: 24, Called: 20, Running: ages(2, young)}, 2, false},
		"at most as many as are allowed":           {idle, pace.Starts{Waiting: 24, Called: 9, Running: ages(6, young), Max: 7}, 1, true},
		"one at a time":                            {idle, pace.Starts{Waiting: 24, Max: 1}, 1, false},
		"one at a time, and it takes long":         {idle, pace.Starts{Waiting: 24, Called: 9, Running: ages(1, old), Max: 1}, 0, false},
		"nothing is known of the machine":          {pace.Machine{Cores: 2, Idle: 1}, pace.Starts{Waiting: 24, Running: ages(3, young)}, 5, false},
		"not even its cores":                       {pace.Machine{Known: true}, pace.Starts{Waiting: 24}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, grown := pace.Next(c.machine, c.starts)
			if got != c.want || grown != c.grown {
				t.Errorf("got %d, grown %t; want %d, %t", got, grown, c.want, c.grown)
			}
		})
	}
}

// The first second decides whether many servers that only wait are up soon.
func TestWindow_isShortAtFirst(t *testing.T) {
	for _, c := range []struct{ waited, want time.Duration }{
		{0, 10 * time.Millisecond},
		{time.Second - 1, 10 * time.Millisecond},
		{time.Second, 20 * time.Millisecond},
		{time.Minute, 20 * time.Millisecond},
	} {
		if got := pace.Window(c.waited); got != c.want {
			t.Errorf("after %v: got a window of %v, want %v", c.waited, got, c.want)
		}
	}
}
