package tasks_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/tasks"
)

// fill keeps so many tasks of an owner.
func fill(t *testing.T, b *tasks.Book, who string, n int) {
	t.Helper()
	for i := range n {
		if given, ok := b.Hold(who); !ok || given != nil {
			t.Fatalf("%s: got %v %v for task %d, want a place", who, given, ok, i)
		}
		b.Keep(tasks.Task{ID: fmt.Sprint(who, "-", i), Owner: tasks.Owner{Who: who, Agent: "a"}}, time.Time{})
	}
}

// Many owners together leave room for one more: whoever has the most gives way.
func TestBook_whoHasTheMost_givesWay(t *testing.T) {
	var b tasks.Book
	for i := range tasks.MaxAll / tasks.MaxOwned {
		fill(t, &b, fmt.Sprintf("owner %02d", i), tasks.MaxOwned)
	}
	given, ok := b.Hold("newcomer")
	if !ok || given == nil || given.ID != "owner 00-0" {
		t.Errorf("got %v %v, want a place for the oldest task of one that has the most", given, ok)
	}
	if _, ok := b.Find(tasks.Owner{Who: "owner 00", Agent: "a"}, "owner 00-0", time.Time{}); ok {
		t.Error("the one that gave way is still there, want it forgotten")
	}
	if given, ok := b.Hold("owner 01"); ok || given != nil {
		t.Errorf("got %v %v for one that has all that it may have, want no place", given, ok)
	}
}

func TestBook_aPlaceThatIsReleased_isFree(t *testing.T) {
	var b tasks.Book
	fill(t, &b, "a", tasks.MaxOwned-1)
	if _, ok := b.Hold("a"); !ok {
		t.Fatal("got no place, want the last")
	}
	if _, ok := b.Hold("a"); ok {
		t.Error("got one more place, want none")
	}
	b.Release("a")
	if _, ok := b.Hold("a"); !ok {
		t.Error("got no place, want the one that is free again")
	}
}
