package childproc

import "time"

// At most paceBytes of stderr are read in each paceSpan: a child that floods it
// then waits for us, instead of taking the processor from all others.
const (
	paceSpan  = 50 * time.Millisecond
	paceBytes = 128 << 10
)

// pace counts the bytes of the present span. Its zero value is ready.
type pace struct {
	began time.Time
	bytes int
}

// hold waits if too much has been read in this span: until the span ends or over
// is closed.
func (p *pace) hold(n int, over <-chan struct{}) {
	now := time.Now()
	if now.Sub(p.began) >= paceSpan {
		*p = pace{began: now}
	}
	if p.bytes += n; p.bytes < paceBytes {
		return
	}
	pause := time.NewTimer(paceSpan - now.Sub(p.began))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-over:
	}
}
