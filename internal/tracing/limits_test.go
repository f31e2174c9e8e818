package tracing_test

import (
	"context"
	nethttp "net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/testkit"
	"gatehouse/testkit/otlp"
)

func TestAttributes_areLimitedByTheVariables(t *testing.T) {
	for _, c := range []struct {
		name       string
		set        []string
		attributes int
		tool       string
	}{
		{"none", nil, 14, "qu\u00e9ry"},
		{"of spans", []string{"SPAN_ATTRIBUTE_COUNT_LIMIT", "3", "SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"}, 3, "qu\u00e9"},
		{"of all", []string{"ATTRIBUTE_COUNT_LIMIT", "4", "ATTRIBUTE_VALUE_LENGTH_LIMIT", "4"}, 4, "qu\u00e9r"},
		{"of spans before of all", []string{"ATTRIBUTE_COUNT_LIMIT", "4", "SPAN_ATTRIBUTE_COUNT_LIMIT", "5"}, 5, "qu\u00e9ry"},
		{"no length", []string{"SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "0"}, 14, ""},
		{"no number", []string{"ATTRIBUTE_COUNT_LIMIT", "many", "ATTRIBUTE_VALUE_LENGTH_LIMIT", "-1"}, 14, "qu\u00e9ry"},
	} {
		t.Run(c.name, func(t *testing.T) {
			variables(t, c.set...)
			s := newTraced(t, testkit.ReadyBackend("db", testkit.Says(text)))
			s.execute("db", "qu\u00e9ry", "")
			whole, _ := s.whole()
			if len(whole.Attributes) != c.attributes || whole.Attributes["gen_ai.tool.name"] != c.tool || int(whole.Dropped) != 14-c.attributes {
				t.Errorf("got %d attributes, the tool %q, %d dropped, want %d, %q, %d", len(whole.Attributes), whole.Attributes["gen_ai.tool.name"], whole.Dropped, c.attributes, c.tool, 14-c.attributes)
			}
		})
	}
}

// What agents make up is in spans as UTF-8 and cut, whatever it was: a collector
// refuses anything else, and with it all that came along.
func TestTexts_ofAgents_areCutAndUTF8(t *testing.T) {
	tool := strings.Repeat("\xffa", 300)
	state := "a=" + strings.Repeat("1", 255)
	s := newTraced(t, testkit.ReadyBackend("db", testkit.Says(text)))
	meta := `{"traceparent":"` + sampled + `","tracestate":"` + state + `"}`
	s.call("execute_tool", `{"agent_id":"a","server":"db","tool":"`+tool+`"}`, meta)
	s.call(tool, `{}`, meta)
	if got := len(s.spans()); got == 0 {
		t.Fatal("got no spans, want some")
	}
	for _, span := range s.collector.Spans() {
		for key, value := range span.Attributes {
			if len(value) > 3*256 || value != strings.ToValidUTF8(value, "") {
				t.Errorf("%s: got %d bytes %q, want UTF-8 that is cut", key, len(value), value)
			}
		}
		if span.Trace == traceID && span.State != state {
			t.Errorf("got the state %q, want %q", span.State, state)
		}
	}
}

func TestSpans_goInBatches_andThoseTooManyAreDropped(t *testing.T) {
	const calls = 5 // of four spans
	for _, c := range []struct {
		name string
		set  []string
		want []int
	}{
		{"together", []string{"BSP_SCHEDULE_DELAY", "600000"}, []int{20}},
		{"as many as asked for", []string{"BSP_MAX_EXPORT_BATCH_SIZE", "8", "BSP_SCHEDULE_DELAY", "600000"}, []int{8, 8, 4}},
		{"one by one", []string{"BSP_MAX_EXPORT_BATCH_SIZE", "1"}, slices.Repeat([]int{1}, 20)},
		{"a batch is no larger than the queue", []string{"BSP_MAX_QUEUE_SIZE", "20", "BSP_MAX_EXPORT_BATCH_SIZE", "100", "BSP_SCHEDULE_DELAY", "600000"}, []int{20}},
		{"no numbers", []string{"BSP_MAX_QUEUE_SIZE", "many", "BSP_MAX_EXPORT_BATCH_SIZE", "-1", "BSP_SCHEDULE_DELAY", "600000", "BSP_EXPORT_TIMEOUT", "0"}, []int{20}},
	} {
		t.Run(c.name, func(t *testing.T) {
			variables(t, c.set...)
			s := newTraced(t, testkit.ReadyBackend("db", testkit.Says(text)))
			for range calls {
				s.execute("db", "query", "")
			}
			s.spans()
			if got := s.collector.Sizes(); !slices.Equal(got, c.want) {
				t.Errorf("got requests with %v spans, want %v", got, c.want)
			}
		})
	}
}

func TestSpans_afterADelayThatIsNotOne_waitForTheUsualOne(t *testing.T) {
	const usual = 5 * time.Second
	variables(t, "BSP_SCHEDULE_DELAY", "0")
	began := time.Now()
	s := newTraced(t, testkit.ReadyBackend("db", testkit.Says(text)))
	for range 20 {
		s.execute("db", "query", "")
	}
	s.spans()
	if got, most := len(s.collector.Sizes()), 1+int(time.Since(began)/usual); got > most {
		t.Errorf("got %d requests in %v, want %d at most", got, time.Since(began), most)
	}
}

// A request that a server's session asks to be sent anew waits and is sent once more,
// and each send says to whom.
func TestSend_again_isASpanOfItsOwn(t *testing.T) {
	sent := 0
	session := testkit.NewSession(1, func(context.Context, endpoint.Request) (endpoint.Response, error) {
		if sent++; sent == 1 {
			return endpoint.Response{}, endpoint.ErrRenewed
		}
		return endpoint.Response{Result: []byte(text)}, nil
	})
	s := newTraced(t, testkit.NewBackend("db", testkit.Ready(1, session)))
	s.execute("db", "query", `{"traceparent":"`+sampled+`"}`)
	whole, parts := s.whole()
	if got, want := names(parts), []string{"decide", "wait", "send", "wait", "send"}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if whole.Flags != 0x301 { // Sampled, and the parent is known to be another program's.
		t.Errorf("got the flags %#x of the call, want 0x301", whole.Flags)
	}
	at := whole.Start
	for _, part := range parts {
		if part.Flags != 0x101 || part.Start < at || part.End < part.Start || part.End > whole.End {
			t.Errorf("got %+v, want one after the other within the call, under a span of this program", part)
		}
		at = part.End
		if got := part.Attributes["gatehouse.server"]; part.Name == "send" && (got != "db" || len(part.Attributes) != 6) {
			t.Errorf("got the attributes %v, want those of what is sent to db", part.Attributes)
		}
	}
}

// While a collector holds the first batch, as many spans wait as may, and those
// beyond are dropped.
func TestQueue_isAsLongAsTheVariablesSay(t *testing.T) {
	collector, release := otlp.Start(t), make(chan struct{})
	srv := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		<-release
		collector.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	variables(t, "EXPORTER_OTLP_ENDPOINT", srv.URL, "BSP_MAX_QUEUE_SIZE", "16", "BSP_MAX_EXPORT_BATCH_SIZE", "8",
		"BSP_EXPORT_TIMEOUT", "600000", "EXPORTER_OTLP_TIMEOUT", "600000") // Until release.
	s := newTracedTo(t, collector, testkit.ReadyBackend("db", testkit.Says(text)))
	for range 100 {
		s.execute("db", "query", "")
	}
	close(release)
	if got := len(s.spans()); got < 16 || got > 16+8 {
		t.Errorf("got %d spans, want the 16 that may wait and the 8 that were under way", got)
	}
}
