package audit_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/audit"
)

// slowLog is a log that takes no report of a loss before goOn is closed.
type slowLog struct {
	taken, goOn chan struct{}
	reports     atomic.Int64
	records     atomic.Uint64 // that the reports tell of
}

func newSlowLog() *slowLog {
	return &slowLog{taken: make(chan struct{}), goOn: make(chan struct{})}
}

func (s *slowLog) logger() *slog.Logger {
	return slog.New(handlerFunc(func(r slog.Record) {
		if r.Message != "audit records lost" {
			return
		}
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "records" {
				s.records.Add(a.Value.Uint64())
			}
			return true
		})
		if s.reports.Add(1) == 1 {
			close(s.taken)
		}
		<-s.goOn
	}))
}

// losing opens a log whose disk is full, and returns once its first loss is on its way to s.
func (s *slowLog) losing(t *testing.T) *audit.Log {
	t.Helper()
	d := newDisk(t)
	d.room = nothing
	l := d.open(t, audit.Options{Log: s.logger()})
	for l.Lost() == 0 {
		l.Append(audit.Record{})
	}
	<-s.taken
	return l
}

// What is lost while the log takes the report before is told of, though nothing is lost
// after that.
func TestLoss_duringASlowReport_isLoggedWithinASecondOfItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newSlowLog()
		l := log.losing(t)
		l.Append(audit.Record{})
		time.Sleep(2500 * time.Millisecond) // Reports have been due twice.
		if n := log.reports.Load(); n != 1 {
			t.Errorf("got %d reports at once, want 1", n)
		}
		close(log.goOn)
		time.Sleep(time.Second)
		synctest.Wait()
		if n, lost := log.records.Load(), l.Lost(); n != lost {
			t.Errorf("the log tells of %d records, want the %d that are lost", n, lost)
		}
		_ = tryClose(t, l) // It tells of the loss.
	})
}

// A log that takes nothing any more does not keep the gateway from ending.
func TestClose_reportThatIsNeverTaken_endsWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newSlowLog()
		l := log.losing(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		if err := l.Close(ctx); err == nil {
			t.Error("closing does not tell of what is lost")
		}
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("it took %v, want the minute that it was given", took)
		}
		close(log.goOn)
		synctest.Wait()
	})
}
