package audit

import (
	"context"
	"log/slog"
	"time"
)

// loss counts lost records and how many of them were logged.
type loss struct {
	lost     uint64
	err      error // the latest cause
	reported uint64
	next     time.Time     // no report before this
	timer    *time.Timer   // of the report that is due; nil if none is due
	logging  chan struct{} // closed at the end of the report that is under way; nil if none is
}

// noteLoss counts n lost records and arranges for them to be logged. It does not
// log by itself, because its callers hold the lock and must not wait.
func (l *Log) noteLoss(n uint64, err error) {
	l.loss.lost += n
	l.loss.err = err
	if l.loss.timer == nil {
		l.loss.timer = time.AfterFunc(max(0, time.Until(l.loss.next)), l.reportDue)
	}
}

// reportDue is report when it is time. If the log still takes the report before, it
// is tried again later.
func (l *Log) reportDue() {
	if l.report() == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loss.timer == nil {
		l.loss.timer = time.AfterFunc(reportEvery, l.reportDue)
	}
}

// reportLast logs what was not logged yet. It waits until the log has taken the
// report before, or ctx ends.
func (l *Log) reportLast(ctx context.Context) {
	for underWay := l.report(); underWay != nil; underWay = l.report() {
		select {
		case <-underWay:
		case <-ctx.Done():
			return
		}
	}
}

// report logs the losses that were not logged yet. While another report is under
// way it does nothing, and returns what is closed at the end of that.
func (l *Log) report() (underWay <-chan struct{}) {
	l.mu.Lock()
	if l.loss.timer != nil {
		l.loss.timer.Stop()
		l.loss.timer = nil
	}
	total, fresh, err := l.loss.lost, l.loss.lost-l.loss.reported, l.loss.err
	if l.loss.logging != nil || fresh == 0 {
		defer l.mu.Unlock()
		return l.loss.logging
	}
	done := make(chan struct{})
	l.loss.logging, l.loss.reported, l.loss.next = done, total, time.Now().Add(reportEvery)
	l.mu.Unlock()
	l.log.Error("audit records lost", slog.Uint64("records", fresh), slog.Uint64("total", total), slog.Any("err", err))
	l.mu.Lock()
	l.loss.logging = nil
	l.mu.Unlock()
	close(done)
	return nil
}
