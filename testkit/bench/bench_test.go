package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
)

// TestMain lets the test binary be the bench, and so the echo server and the
// relay. Only with flags it runs tests: a child must never run them again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		main()
		return
	}
	code := m.Run()
	testkit.CleanUp()
	os.Exit(code)
}

func TestBench_short_measuresEveryFigure(t *testing.T) {
	var out bytes.Buffer
	if err := measure(t.Context(), []string{"--short", "--gateway", testkit.Binary(t)}, &out); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"throughput, 16 callers", "throughput, 64 callers", "throughput, 256 callers", "p50 sequential",
		"64 KiB results, p50", "64 KiB results, time a call", "stdio front and server",
		"start to first tools/list, 3 servers, HTTP", "start to first tools/list, 3 servers, stdio",
	}
	if procfs {
		want = append(want, "64 KiB results, memory", "memory with 64 callers", "memory with 4 idle stdio servers")
	}
	for _, figure := range want {
		if !strings.Contains(out.String(), "| "+figure) {
			t.Errorf("the report has no %q:\n%s", figure, out.String())
		}
	}
}

func TestBench_against_comparesTwoGateways(t *testing.T) {
	binary := testkit.Binary(t)
	var out bytes.Buffer
	if err := measure(t.Context(), []string{"--short", "--only", "sequential", "--only", "start-stdio", "--gateway", binary, "--against", binary}, &out); err != nil {
		t.Fatal(err)
	}
	_, pairs, found := strings.Cut(out.String(), "The gateway against the other one")
	for _, figure := range []string{"p50 sequential", "start to first tools/list, 3 servers, stdio"} {
		if !found || !strings.Contains(pairs, "| "+figure) {
			t.Errorf("got no pair of %q, want one:\n%s", figure, out.String())
		}
	}
}

func TestBench_gatewayThatEndsAtOnce_isAnErrorWithItsLog(t *testing.T) {
	self, err := os.Executable() // See TestMain: the bench knows no "run".
	if err != nil {
		t.Fatal(err)
	}
	err = measure(t.Context(), []string{"--short", "--only", "sequential", "--gateway", self}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "the end of gateway.log") {
		t.Errorf("got the error %v, want one with the end of the gateway's log", err)
	}
}

// canned answers everything in the same way.
type canned string

func (c canned) exchange([]byte) ([]byte, error) { return []byte(c), nil }
func (canned) deadline(time.Time)                {}
func (canned) close()                            {}

func TestCall_answer_isChecked(t *testing.T) {
	text := "me-1" + strings.Repeat(".", 60)
	for _, c := range []struct {
		name, answer string
		good         bool
	}{
		{"the right one", `{"id":1,"result":{"content":[{"type":"text","text":"` + text + `"}]}}`, true},
		{"the id at the end", `{"result":{"content":[{"type":"text","text":"` + text + `"}]},"id":1}`, true},
		{"another id", `{"id":12,"result":{"content":[{"type":"text","text":"` + text + `"}]}}`, false},
		{"another text", `{"id":1,"result":{"content":[{"type":"text","text":"x` + text[1:] + `"}]}}`, false},
		{"an error", `{"id":1,"error":{"code":-32603,"message":"no"}}`, false},
	} {
		me := caller{wire: canned(c.answer), shape: direct, name: "me"}
		if err := me.call(0); (err == nil) != c.good {
			t.Errorf("%s: got the error %v, want that it is good: %v", c.name, err, c.good)
		}
	}
}

func TestEcho_anySize_isValidJSONOfThatSize(t *testing.T) {
	for size := defaultSize; size < 3*len(padLine); size++ {
		message := fmt.Appendf(nil, ` { "params" : {"arguments":{"bytes": %d, "text":"a\"b"},"name":"echo"}, "id" : "x\\" ,"method":"tools/call"}`, size)
		answer := appendAnswer(nil, message)
		var v struct {
			ID     string
			Result struct {
				Content []struct{ Text json.RawMessage }
			}
		}
		if err := json.Unmarshal(answer, &v); err != nil {
			t.Fatalf("size %d: %v: %s, want JSON", size, err, answer)
		}
		if v.ID != `x\` || len(v.Result.Content[0].Text) != size+len(`""`) {
			t.Fatalf("size %d: got %s, want the same id and a text of that size", size, answer)
		}
	}
}

func TestSpread_median_isTheMiddleOrBetween(t *testing.T) {
	if got, want := spreadFrom([]float64{3, 1, 2}), (spread{2, 1, 3}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := spreadFrom([]float64{4, 1, 3, 2}).median, 2.5; got != want {
		t.Errorf("got the median %v, want %v", got, want)
	}
}
