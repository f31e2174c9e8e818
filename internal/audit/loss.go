package audit

import (
	"log/slog"
	"time"
)

// loss counts lost records and how many of them were logged.
type loss struct {
	lost     uint64
	err      error // the latest cause
	reported uint64
	next     time.Time   // no report before this
	timer    *time.Timer // of the report that is due; nil if none is due
}

// noteLoss counts n lost records and arranges for them to be logged. It does not
// log by itself, because its callers hold the lock and must not wait.
func (l *Log) noteLoss(n uint64, err error) {
	l.loss.lost += n
	l.loss.err = err
	if l.loss.timer == nil {
		l.loss.timer = time.AfterFunc(max(0, time.Until(l.loss.next)), l.report)
	}
}

// report logs the losses that were not logged yet.
func (l *Log) report() {
	l.mu.Lock()
	if l.loss.timer != nil {
		l.loss.timer.Stop()
		l.loss.timer = nil
	}
	total, fresh, err := l.loss.lost, l.loss.lost-l.loss.reported, l.loss.err
	l.loss.reported = total
	if fresh > 0 {
		l.loss.next = time.Now().Add(reportEvery)
	}
	l.mu.Unlock()
	if fresh > 0 {
		l.log.Error("audit records lost", slog.Uint64("records", fresh), slog.Uint64("total", total), slog.Any("err", err))
	}
}
