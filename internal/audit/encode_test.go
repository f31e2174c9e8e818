package audit_test

import (
	"math"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/audit"
)

// A record is encoded by hand; encoding/json says what it must look like.
func TestRecord_isEncodedAsEncodingJSONHasIt(t *testing.T) {
	same := func(r audit.Record) bool {
		got, want := audit.EncodeBothWays(r)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
			return false
		}
		return true
	}
	property := func(v int, seq, generation uint64, latency float64, texts [18]string, epoch int64, seconds uint32, nanos int64) bool {
		return same(audit.Record{
			V: v, Timestamp: time.Unix(int64(seconds), nanos).UTC(), Seq: seq, Generation: generation, LatencyMS: latency,
			Event: texts[0], CallID: texts[1], Instance: texts[2], AgentID: texts[3], RequestedAgent: texts[4],
			Credential: texts[5], Client: texts[6], Operation: texts[7], Server: texts[8], Tool: texts[9],
			Decision: audit.Decision(texts[10]), Step: texts[11], Rule: texts[12], PolicyHash: texts[0], Outcome: texts[1],
			Resource: texts[13], Prompt: texts[14], Annotations: texts[15], TraceID: texts[2], Node: texts[16], Owner: texts[17], Epoch: epoch,
		})
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
	for _, latency := range []float64{0, math.Copysign(0, -1), 0.001, 1e-7, 12.5, 1e20, 1e21, -3, math.NaN(), math.Inf(1)} {
		same(audit.Record{LatencyMS: latency})
	}
	for _, text := range []string{"", "plain", `"\`, "<&>", "\x7f", "\u0085", "\u2028é", "\xff", "\n"} {
		same(audit.Record{CallID: text, Client: text, Tool: text})
	}
	same(audit.Record{Timestamp: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)})
}
