package restart

import (
	"encoding/json"
	"fmt"
	"time"

	"gatehouse/internal/rawjson"
)

// maxRecent is how many failures a decoded History may have: as many as a policy
// can allow, and one.
const maxRecent = 1001

// encoded is a History as another gateway reads it.
type encoded struct {
	Recent      []time.Time `json:"recent,omitempty"`
	Attempts    int         `json:"attempts,omitempty"`
	Never       int         `json:"never,omitempty"`
	Quarantined bool        `json:"quarantined,omitempty"`
}

// Encode returns the history in a form that Decode understands; nil for the zero one.
func (h History) Encode() []byte {
	if len(h.recent) == 0 && h.attempts == 0 && h.never == 0 && !h.quarantined {
		return nil
	}
	text, err := json.Marshal(encoded{h.recent, h.attempts, h.never, h.quarantined})
	if err != nil { // A time beyond the year 9999.
		return nil
	}
	return text
}

// Decode reads what Encode has made; nothing is the zero History. On an error it
// returns that too.
func Decode(text []byte) (History, error) {
	if len(text) == 0 {
		return History{}, nil
	}
	var e encoded
	if err := rawjson.Decode(text, &e); err != nil {
		return History{}, fmt.Errorf("history of restarts: %w", err)
	}
	if len(e.Recent) > maxRecent || e.Attempts < 0 || e.Never < 0 {
		return History{}, fmt.Errorf("history of restarts: %d failures, %d attempts and %d tries cannot be", len(e.Recent), e.Attempts, e.Never)
	}
	return History{e.Recent, e.Attempts, e.Never, e.Quarantined}, nil
}
