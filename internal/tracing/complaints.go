package tracing

import (
	"log/slog"
	"sync"
	"time"

	"gatehouse/internal/textcut"
)

// complaintEvery is how often the log hears that spans cannot be sent.
const complaintEvery = time.Minute

// maxComplaint is how many bytes of an error are logged.
const maxComplaint = 300

// complaints log what cannot be sent, once a minute.
type complaints struct {
	log *slog.Logger

	mu      sync.Mutex
	last    time.Time
	skipped int
}

func newComplaints(log *slog.Logger) *complaints { return &complaints{log: log} }

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	if more, due := c.count(time.Now()); due {
		c.log.Warn("cannot send traces", slog.String("error", textcut.To(err.Error(), maxComplaint)), slog.Int("more", more))
	}
}

// count reports whether an error is to be logged, and how many were not before it.
func (c *complaints) count(now time.Time) (more int, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.last) < complaintEvery {
		c.skipped++
		return 0, false
	}
	more, c.last, c.skipped = c.skipped, now, 0
	return more, true
}
