package weight_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/weight"
)

const limit = 1 << 20

func TestShare_takesOfTheBudgetUntilItIsReleased(t *testing.T) {
	b := weight.New(limit, time.Now)
	one, two := b.Share(), b.Share()
	if !one.Grow(600 << 10) {
		t.Fatal("the first share: got no room, want some")
	}
	if two.Grow(600 << 10) {
		t.Error("beyond the budget: got room, want none")
	}
	if !two.Grow(weight.Light) || b.Used() != 600<<10 {
		t.Errorf("a light message: got %d bytes taken, want room and %d", b.Used(), 600<<10)
	}
	if !one.Grow(500<<10) || !one.Grow(700<<10) || b.Used() != 700<<10 {
		t.Errorf("got %d bytes taken, want the most that one message needed, %d", b.Used(), 700<<10)
	}
	one.Release()
	one.Release()
	if b.Used() != 0 || !two.Grow(limit) {
		t.Errorf("after the release: got %d bytes taken, want none, and room for all", b.Used())
	}
}

func TestShare_ofNoBudget_takesNothing(t *testing.T) {
	var none *weight.Budget
	share := none.Share()
	for _, s := range []*weight.Share{nil, {}, &share} {
		if !s.Grow(1<<40) || !s.Hold(1<<40) || s.Answer(1<<40, 0) != weight.Fits {
			t.Error("got no room, want no limit")
		}
		s.Writing(func() {})
		s.Release()
	}
}

// A tool has run when its answer comes, so there is a little more room for that.
func TestAnswer_mayTakeOfTheReserve(t *testing.T) {
	b := weight.New(limit, time.Now)
	request, first, second := b.Share(), b.Share(), b.Share()
	request.Grow(limit)
	if got := first.Answer(limit/4, 0); got != weight.Fits {
		t.Errorf("an answer beyond the budget: got %v, want it to fit the reserve", got)
	}
	if got := second.Answer(weight.Light+1, 0); got != weight.NoRoom {
		t.Errorf("an answer beyond the reserve: got %v, want no room", got)
	}
	if another := b.Share(); another.Grow(weight.Light + 1) {
		t.Error("a request beyond the budget: got room, want none of the reserve")
	}
}

func TestBatch_answersTogetherHaveALimit(t *testing.T) {
	b := weight.New(limit, time.Now)
	batch := b.Batch("")
	for i, want := range []weight.Verdict{weight.Fits, weight.Fits, weight.TooMuch} {
		if got := batch.Answer(400, 1000); got != want {
			t.Errorf("answer %d: got %v, want %v", i, got, want)
		}
	}
	if got := batch.Answer(200, 1000); got != weight.Fits {
		t.Errorf("a smaller one: got %v, want it to fit", got)
	}
	if got := b.Used(); got != 2000 {
		t.Errorf("got %d bytes taken, want 2000: each answer is held twice", got)
	}
	batch.Release()
	if got := b.Used(); got != 0 {
		t.Errorf("after the release: got %d bytes taken, want 0", got)
	}
}

// Who reads an answer too slowly loses it once its room is wanted, and nobody else.
func TestWriting_thatLastsTooLong_isCutOnceTheRoomIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := weight.New(limit, time.Now)
		var cut []string
		begin := func(name string) *weight.Share {
			s := b.Share()
			s.Answer(limit/3, 0)
			s.Writing(func() { cut = append(cut, name) })
			return &s
		}
		begin("the slowest")
		time.Sleep(time.Second)
		begin("another")
		time.Sleep(500 * time.Millisecond)
		begin("a fast one")
		if len(cut) != 0 {
			t.Fatalf("while there is room: got %q cut, want none", cut)
		}
		next := b.Share()
		next.Answer(limit/8, 0)
		if len(cut) != 1 || cut[0] != "the slowest" {
			t.Errorf("got %q cut, want the slowest", cut)
		}
		next.Answer(limit/16, 0)
		if len(cut) != 1 {
			t.Errorf("got %q cut, want none that has just begun", cut)
		}
		time.Sleep(time.Second)
		if request := b.Share(); request.Grow(limit/2) || len(cut) != 2 || cut[1] != "another" {
			t.Errorf("for a request: got %q cut, want another", cut)
		}
	})
}

func TestBudget_fromManyGoroutines_isEmptyInTheEnd(t *testing.T) {
	b := weight.New(limit, time.Now)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 2000 {
				s := b.Share()
				s.Grow(n * 97 * (i + 1))
				s.Answer(n*31, 0)
				s.Writing(func() {})
				s.Release()
			}
		})
	}
	wg.Wait()
	if got := b.Used(); got != 0 {
		t.Errorf("got %d bytes taken, want 0", got)
	}
}

// However much one owner wants, there is room for others.
func TestBudget_ofOneOwner_leavesRoomForOthers(t *testing.T) {
	now := time.Unix(1e9, 0)
	b := weight.New(8<<20, func() time.Time { return now })
	fill := func(owner string) (mb int) {
		for {
			s := b.ShareOf(owner)
			if !s.Grow(1 << 20) {
				return mb
			}
			mb++
		}
	}
	if got := fill("hog"); got != 7 {
		t.Errorf("alone: got %d of 8 MB, want 7", got)
	}
	if got := fill("other"); got != 1 {
		t.Errorf("another one then: got %d MB, want 1", got)
	}
	now = now.Add(time.Second / 2)
	b = weight.New(8<<20, func() time.Time { return now })
	fill("other")
	if got, used := fill("hog"), b.Used(); got != 1 || used != 8<<20 {
		t.Errorf("beside one that has all it may: got %d MB and %d bytes in all, want the share that is sure, 1", got, used)
	}
	b = weight.New(8<<20, func() time.Time { return now })
	first := b.ShareOf("other")
	first.Grow(1 << 20)
	if got := fill("hog"); got != 3 {
		t.Errorf("while another one asks: got %d MB beside its 1, want 3, which leaves half", got)
	}
	now = now.Add(time.Second)
	if got := fill("hog"); got != 3 {
		t.Errorf("once nobody else asks: got %d MB more, want 3, which leaves an eighth", got)
	}
}

// Who has more than its share and wants more loses its own slow answers.
func TestAnswer_whoHasTooMuch_losesItsOwnAndNotAnothersAnswer(t *testing.T) {
	now := time.Unix(1e9, 0)
	b := weight.New(8<<20, func() time.Time { return now })
	cut := map[string]int{}
	answer := func(owner string) weight.Verdict {
		s := b.ShareOf(owner)
		v := s.Answer(1<<20, 8<<20)
		s.Writing(func() { cut[owner]++ })
		return v
	}
	answer("other")
	now = now.Add(time.Second)
	for answer("hog") == weight.Fits {
		now = now.Add(time.Second)
	}
	if cut["other"] != 0 || cut["hog"] == 0 {
		t.Errorf("got %v cut off, want answers of the hog alone", cut)
	}
}
