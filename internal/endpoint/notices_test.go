package endpoint_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
)

// The names of what is subscribed to are sent to the gateway that runs the server, all of
// them in one request.
func TestNotices_namesTakeTheirBytes_andReturnThem(t *testing.T) {
	for what, letter := range map[string]string{"letters": "x", "what JSON escapes": "\x01"} {
		n := &endpoint.Notices{}
		var subs []*endpoint.Subscription
		var err error
		for i := 0; err == nil && i < endpoint.MaxTopics; i++ {
			var s *endpoint.Subscription
			if s, err = n.Subscribe(fmt.Sprint(i, strings.Repeat(letter, 60<<10)), func(string) {}); err == nil {
				subs = append(subs, s)
			}
		}
		most := endpoint.MaxTopicBytes / (60 << 10)
		if !errors.Is(err, endpoint.ErrTooManySubscriptions) || len(subs) > most || len(subs) == 0 {
			t.Errorf("%s: got %d subscriptions and %v, want %d at most and %v", what, len(subs), err, most, endpoint.ErrTooManySubscriptions)
		}
		if _, err := n.Subscribe(fmt.Sprint(0, strings.Repeat(letter, 60<<10)), func(string) {}); err != nil {
			t.Errorf("%s: one more who wants the same: got %v, want no error", what, err)
		}
		subs[len(subs)-1].End()
		if _, err := n.Subscribe("another"+strings.Repeat(letter, 60<<10-9), func(string) {}); err != nil {
			t.Errorf("%s: in the place of one that has ended: got %v, want no error", what, err)
		}
	}
}
