package fleetstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// answerWithin is how long a member may take to say who it is.
const answerWithin = 3 * time.Second

// verify returns why etcd cannot be relied on.
func (s *Store) verify(ctx context.Context) error {
	if err := s.verifyMembers(ctx); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, 2*answerWithin)
	defer cancel()
	if err := s.ask(limited, func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Get(ctx, s.prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
		return err
	}); err != nil {
		return err
	}
	if s.config.TTL == 0 {
		return nil
	}
	return s.verifyTTL(limited)
}

// verifyMembers asks each member who it is. Those that do not answer are left out, if
// one does.
func (s *Store) verifyMembers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	answers := make([]*clientv3.StatusResponse, len(s.members))
	failures := make([]error, len(s.members))
	var all sync.WaitGroup
	for i, m := range s.members {
		all.Go(func() { answers[i], failures[i] = m.client.Status(ctx, m.url) })
	}
	all.Wait()
	var first *clientv3.StatusResponse
	for i, a := range answers {
		if a == nil {
			continue
		}
		if err := CheckVersion(s.members[i].url, a.Version); err != nil {
			return err
		}
		if first == nil {
			first = a
			s.current.Store(int64(i))
		}
		if a.Header.ClusterId != first.Header.ClusterId {
			return fmt.Errorf("%s is of another etcd than the members before it: --fleet-store must name members of one", s.members[i].url)
		}
	}
	if first != nil {
		return nil
	}
	var why []error
	for i, m := range s.members {
		why = append(why, fmt.Errorf("cannot reach etcd at %s: %w", m.url, s.diagnose(ctx, m.url, failures[i])))
	}
	return errors.Join(why...)
}

// oldest are the oldest versions of their lines in which leases can be relied on.
var oldest = [][]int{{3, 4, 38}, {3, 5, 23}, {3, 6, 5}}

// CheckVersion returns an error for a version of etcd whose leases cannot be relied on.
func CheckVersion(url, version string) error {
	numbers := parseVersion(version)
	if numbers == nil {
		return fmt.Errorf("etcd at %s says that its version is %q, which is none: gatehouse needs etcd 3.4.38, 3.5.23, 3.6.5 or later", url, version)
	}
	for _, min := range oldest {
		if numbers[0] == min[0] && numbers[1] == min[1] && numbers[2] >= min[2] {
			return nil
		}
	}
	newest := oldest[len(oldest)-1]
	if numbers[0] > newest[0] || numbers[0] == newest[0] && numbers[1] > newest[1] {
		return nil
	}
	return fmt.Errorf("etcd at %s has version %s, whose leases cannot be relied on: upgrade it to 3.4.38, 3.5.23, 3.6.5 or later", url, version)
}

func parseVersion(version string) []int {
	core, _, _ := strings.Cut(version, "-")
	var numbers []int
	for part := range strings.SplitSeq(core, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		numbers = append(numbers, n)
	}
	if len(numbers) != 3 {
		return nil
	}
	return numbers
}

// verifyTTL compares the TTL with etcd's election time-out, which it does not say. Its
// shortest lease is one and a half of those, in whole seconds.
func (s *Store) verifyTTL(ctx context.Context) error {
	l, shortest, err := s.grant(ctx, time.Second)
	if err != nil {
		return err
	}
	s.dropLease(ctx, l)
	election := max(0, shortest-time.Second) * 2 / 3 // At least that.
	if s.config.TTL < 4*election {
		return fmt.Errorf("--fleet-ttl %v is too short for this etcd: its election time-out is more than %v, and a lease must last 4 of them. "+
			"Choose %v or more, or lower etcd's --election-timeout", s.config.TTL, election, (6*election + time.Second - 1).Truncate(time.Second))
	}
	return nil
}
