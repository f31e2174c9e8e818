package restart_test

import (
	"bytes"
	"testing"

	"gatehouse/internal/restart"
)

// FuzzDecode reads any history of another gateway: one that can be is the same when
// it is read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"recent":["2026-01-01T00:00:00Z"],"attempts":3,"never":1,"quarantined":true}`))
	f.Add([]byte(`{"attempts":-1}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := restart.Decode(text)
		once := h.Encode()
		if err != nil {
			if once != nil {
				t.Errorf("%q: got %s with %v, want no history", text, once, err)
			}
			return
		}
		again, err := restart.Decode(once)
		if twice := again.Encode(); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%q: got %s, %v again, want %s", text, twice, err, once)
		}
	})
}
