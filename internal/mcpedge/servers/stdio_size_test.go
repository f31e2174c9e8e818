package servers_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// sized is a JSON string of so many bytes.
func sized(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }

func TestOversizedAnswer_failsItsCallOnly(t *testing.T) {
	const limit = 200 << 10
	for name, format := range map[string]string{
		"the id comes first":              `{"jsonrpc":"2.0","id":%[1]s,"result":%[2]s}`,
		"the id comes last":               `{"jsonrpc":"2.0","result":{"id":77,"x":%[2]s},"id":%[1]s}`,
		"the id is in the midst":          `{"a":%[2]s,"id":%[1]s,"result":%[2]s}`,
		"an error is too large":           `{"id":%[1]s,"error":{"code":1,"message":%[2]s}}`,
		"it comes in a batch":             `[{"id":77,"result":%[2]s},{"id":%[1]s,"result":1}]`,
		"an answer with spaces all about": `  { "id" : %[1]s , "result" : [ %[2]s ] } `,
	} {
		t.Run(name, func(t *testing.T) {
			s, p := open(t, servers.Options{MaxMessageBytes: limit})
			large, other := call(t.Context(), s, tool(`1`)), call(t.Context(), s, tool(`2`))
			one, two := p.read(), p.read()
			if string(one.Params) != "1" {
				one, two = two, one
			}
			p.write(format, one.ID, sized(limit+8<<10))
			p.write(`{"id":%s,"result":"fine"}`, two.ID)
			o := await(t, large)
			if tooLarge, ok := errors.AsType[*endpoint.TooLarge](o.err); !ok || tooLarge.Limit != limit {
				t.Errorf("got %.80s %v, want larger than %d bytes", o.res.Result, o.err, limit)
			}
			wantResult(t, await(t, other), `"fine"`)
		})
	}
}

func TestResult_exactlyOfTheLimitPasses(t *testing.T) {
	const limit = 200 << 10
	for _, size := range []int{limit, limit + 1} {
		s, p := open(t, servers.Options{MaxMessageBytes: limit})
		done := call(t.Context(), s, tool(`1`))
		p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, p.read().ID, sized(size))
		o := await(t, done)
		if _, tooLarge := errors.AsType[*endpoint.TooLarge](o.err); tooLarge != (size > limit) {
			t.Errorf("%d bytes: got %v, want too large: %v", size, o.err, size > limit)
		}
		if o.err == nil && len(o.res.Result) != size {
			t.Errorf("got %d bytes of %d, want all", len(o.res.Result), size)
		}
	}
}

func TestResult_theRequestsOwnLimitCounts(t *testing.T) {
	for name, c := range map[string]struct {
		own  int64
		size int
		want bool // it passes
	}{
		"a smaller one refuses a small answer":      {100, 101, false},
		"a smaller one passes what is within":       {100, 100, true},
		"a smaller one refuses a very large answer": {100, 10 << 20, false},
		"a larger one passes a large answer":        {4 << 20, 3 << 20, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := open(t, servers.Options{MaxMessageBytes: 1 << 20})
			req := tool(`1`)
			req.MaxResultBytes = c.own
			done := call(t.Context(), s, req)
			p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, p.read().ID, sized(c.size))
			o := await(t, done)
			if tooLarge, ok := errors.AsType[*endpoint.TooLarge](o.err); ok == c.want || ok && tooLarge.Limit != c.own {
				t.Errorf("got %v, want a result: %v, else larger than %d bytes", o.err, c.want, c.own)
			}
		})
	}
}

func TestOversizedLine_thatNobodyWaitsFor_isJunk(t *testing.T) {
	junk := make(chan string, 1)
	s, p := open(t, servers.Options{MaxMessageBytes: 100 << 10, OnJunk: func(line string) { junk <- line }})
	p.write("%s", strings.Repeat("no JSON ", 1<<17))
	if got := await(t, junk); got != strings.Repeat("no JSON ", 25) {
		t.Errorf("got %q, want the first 200 bytes of it", got)
	}
	go p.echo()
	res, err := s.Call(t.Context(), tool(`"alive"`))
	wantResult(t, outcome{res, err}, `"alive"`)
}

func TestEndlessLine_endsTheSession(t *testing.T) {
	s, p := open(t, servers.Options{MaxMessageBytes: 100 << 10, MaxLineBytes: 1 << 20})
	done := call(t.Context(), s, tool(`1`))
	p.read()
	go func() {
		for err := error(nil); err == nil; {
			_, err = io.WriteString(p.out, strings.Repeat("x", 10000))
		}
	}()
	if o := await(t, done); !errors.Is(o.err, servers.ErrEndlessLine) {
		t.Errorf("got %v, want %v", o.err, servers.ErrEndlessLine)
	}
	await(t, s.Done())
}

// An answer larger than the reader's buffer keeps its bytes when the next one
// comes.
func TestResult_isNotOverwritten(t *testing.T) {
	s, p := open(t, servers.Options{})
	go p.echo()
	for _, size := range []int{10, 1000, 60 << 10, 64 << 10, 70 << 10, 500 << 10} {
		want := sized(size)
		res, err := s.Call(t.Context(), tool(want))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			if _, err := s.Call(t.Context(), tool(fmt.Sprintf(`{"other":%d,"pad":%s}`, i, sized(size)))); err != nil {
				t.Fatal(err)
			}
		}
		if string(res.Result) != want {
			t.Errorf("a result of %d bytes must not be overwritten", size)
		}
	}
}
