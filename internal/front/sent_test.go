package front_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/testkit"
)

// there is a session with a server that another gateway runs.
type there struct{ endpoint.Session }

func (there) Owner() (node string, epoch int64) { return "n2", 7 }

func TestSent_toAnotherGateway_theRecordNamesIt(t *testing.T) {
	read := func(t *testing.T, s endpoint.Session, then func(*testkit.Backend)) (owner string, epoch int64) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			b := testkit.NewBackend("db", testkit.Ready(1, s)).Has(uri)
			h := newHouse(t, front.Config{}, b)
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = h.read(t.Context(), uri) // The record is what counts.
			}()
			synctest.Wait()
			then(b)
			<-done
			owner, epoch = h.Record().Owner, h.Record().Epoch
		})
		return owner, epoch
	}
	says, nothing := testkit.Says(contents), func(*testkit.Backend) {}
	unwritten := func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: errors.New("moved")}
	}
	crashed := func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{}, &endpoint.Exit{Phase: endpoint.Serving, Reason: "gone"}
	}
	for _, c := range []struct {
		name  string
		s     func() endpoint.Session
		then  func(*testkit.Backend)
		owner string
		epoch int64
	}{
		{"answered", func() endpoint.Session { return there{testkit.NewSession(0, says)} }, nothing, "n2", 7},
		{"lost with its owner", func() endpoint.Session { return there{testkit.NewSession(0, crashed)} }, nothing, "n2", 7},
		{"run here", func() endpoint.Session { return testkit.NewSession(1, says) }, nothing, "", 0},
		{"not sent there, then run here", func() endpoint.Session { return there{testkit.NewSession(0, unwritten)} }, func(b *testkit.Backend) {
			testkit.Publish(b.Cell, testkit.Ready(2, testkit.NewSession(1, says)))
		}, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if owner, epoch := read(t, c.s(), c.then); owner != c.owner || epoch != c.epoch {
				t.Errorf("got %q, %d, want %q, %d", owner, epoch, c.owner, c.epoch)
			}
		})
	}
}
