package peer_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
)

// The owner knows how long a call may take: it does not go on for a caller that has left.
func TestCall_deadline_isThatOfTheCaller(t *testing.T) {
	until := make(chan time.Time, 1)
	s := newOwner(t, func(ctx context.Context, _ endpoint.Request) (endpoint.Response, error) {
		at, _ := ctx.Deadline()
		until <- at
		return endpoint.Response{Result: []byte(`{}`)}, nil
	}).open(t)
	req := call("c1")
	req.Deadline = time.Now().Add(42 * time.Minute)
	if _, err := s.Call(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if got := await(t, "the call", until); got.After(req.Deadline.Add(time.Minute)) || got.Before(req.Deadline.Add(-time.Minute)) {
		t.Errorf("got the deadline %v, want about %v", got, req.Deadline)
	}
}
