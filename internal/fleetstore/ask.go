package fleetstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"gatehouse/internal/fleet"
)

// breath is the pause after all members have failed.
const breath = 100 * time.Millisecond

// try returns how long one member may take to answer.
func (s *Store) try() time.Duration {
	return min(max(s.config.TTL/8, 100*time.Millisecond), 2*time.Second)
}

// ask has one member after the other do something until one has answered or ctx ends.
// What do asks for must be such that it can be asked again.
func (s *Store) ask(ctx context.Context, do func(context.Context, *clientv3.Client) error) error {
	var last error
	for failed := 0; ; failed++ {
		if err := context.Cause(ctx); err != nil {
			return s.unreachable(err, last)
		}
		at := s.current.Load()
		m := s.members[int(at)%len(s.members)]
		err := tryOnce(ctx, s.try(), m, do)
		if err == nil || !again(err) {
			return s.explain(err)
		}
		if ctx.Err() == nil || last == nil {
			last = fmt.Errorf("%s: %w", m.url, err)
		}
		s.turnFrom(at)
		if (failed+1)%len(s.members) == 0 {
			pause(ctx, breath)
		}
	}
}

func tryOnce(ctx context.Context, limit time.Duration, m *member, do func(context.Context, *clientv3.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return do(ctx, m.client)
}

// turnFrom lets the next member be asked first, unless somebody has turned already.
func (s *Store) turnFrom(at int64) {
	if len(s.members) == 1 || !s.current.CompareAndSwap(at, (at+1)%int64(len(s.members))) {
		return
	}
	for _, f := range s.check.all() {
		f.readAgain() // From that member.
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// again reports whether another member, or the same one later, may answer otherwise.
func again(err error) bool {
	if errors.Is(err, rpctypes.ErrNoSpace) {
		return false
	}
	code := status.Code(err)
	if of, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		code = of.Code()
	}
	switch {
	case slices.Contains(passing, code):
		return true
	case code == codes.Unknown:
		return !isOurs(err)
	default:
		return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	}
}

// passing are the codes of trouble that passes.
var passing = []codes.Code{
	codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.ResourceExhausted, codes.Internal, codes.Aborted,
}

// isOurs reports whether an error is one of package fleet, which is an answer.
func isOurs(err error) bool {
	for _, known := range []error{fleet.ErrTaken, fleet.ErrLost, fleet.ErrFenced, fleet.ErrOvertaken, fleet.ErrTooLarge} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// explain returns an error of etcd in words that say what to do.
func (s *Store) explain(err error) error {
	switch {
	case err == nil || isOurs(err):
		return err
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		return fleet.ErrLost
	case errors.Is(err, rpctypes.ErrNoSpace):
		return fmt.Errorf("etcd's store is full and takes no more writes: compact and defragment it, then clear its alarm NOSPACE: %w", err)
	case errors.Is(err, rpctypes.ErrPermissionDenied), errors.Is(err, rpctypes.ErrUserEmpty):
		return fmt.Errorf("etcd does not let this certificate's user read and write below %s: grant its role \"readwrite\" for that prefix: %w", s.prefix, err)
	case errors.Is(err, rpctypes.ErrRequestTooLarge):
		return fmt.Errorf("%w: etcd says that the request is too large; its --max-request-bytes must be 1.5 MiB or more, as it is by default", fleet.ErrTooLarge)
	default:
		return fmt.Errorf("etcd: %w", err)
	}
}

// unreachable returns the error of a request that ran out of time.
func (s *Store) unreachable(cause, last error) error {
	if last == nil {
		return cause
	}
	return fmt.Errorf("no member of etcd answers (%w): %w", last, cause)
}
