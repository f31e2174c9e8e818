package agents

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// maxBatch bounds the messages of one batch, which all run at once.
const maxBatch = 100

// isBatch reports whether a message is an array.
func isBatch(raw []byte) bool {
	trimmed := bytes.TrimLeft(raw, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '['
}

// A batch begins with a few of its messages. Each small answer makes room for one
// more beside those under way, and so does time; behind a large one they go on
// slowly, so that those are not run whose answers have no room any more.
const (
	batchStart   = 8
	batchGrows   = 50 * time.Millisecond
	batchCreeps  = time.Second
	largeAnswers = weight.Light
)

// serveBatch runs the messages of a batch concurrently and joins their answers
// in the batch's order. It blocks until all are done. A batch of nothing but
// notifications has no answer.
func (e *Edge) serveBatch(ctx context.Context, p *peer, raw []byte, notify notifyFunc) answer {
	revision, _ := p.known()
	if !hasBatches(revision) {
		return failureAnswer(orNull(nil, revision), invalid("batches are not part of this protocol revision: send the messages one by one"))
	}
	parts, ok := elements(raw)
	if !ok {
		return failureAnswer(orNull(nil, revision), notAMessage(raw))
	}
	if len(parts) == 0 || len(parts) > maxBatch {
		return failureAnswer(orNull(nil, revision), invalid(fmt.Sprintf("a batch must hold 1 to %d messages", maxBatch)))
	}
	answers := make([]answer, len(parts))
	together := e.opts.Budget.Batch(p.owner())
	stagger(len(parts), func(i int) (size int) {
		answers[i] = e.serveOne(ctx, p, parts[i], together, notify)
		return len(answers[i].body)
	})
	a := joinAnswers(answers)
	a.weight = together
	return a
}

// stagger calls run for each of n, a few at a time and then more, and returns when
// all are done. run returns the size of its answer.
func stagger(n int, run func(i int) (size int)) {
	done := make(chan int, n)
	grow := time.NewTicker(batchGrows)
	defer grow.Stop()
	may, step := batchStart, batchStart
	for begun, ended := 0, 0; ended < n; {
		for ; begun < n && begun-ended < may; begun++ {
			i := begun
			go func() { done <- run(i) }()
		}
		select {
		case size := <-done:
			ended++
			switch {
			case size > largeAnswers && step > 1:
				may, step = 1, 1
				grow.Reset(batchCreeps)
			case step > 1:
				may++
			}
		case <-grow.C:
			may += step
		}
	}
}

// elements takes an array apart, up to one element more than a batch may have.
func elements(raw []byte) (parts [][]byte, ok bool) {
	i := rawjson.Space(raw, rawjson.Space(raw, 0)+1)
	if i < len(raw) && raw[i] == ']' {
		return nil, rawjson.Space(raw, i+1) == len(raw)
	}
	for len(parts) <= maxBatch {
		end := rawjson.Skip(raw, i, 1)
		if end < 0 {
			return nil, false
		}
		parts = append(parts, raw[i:end])
		i = rawjson.Space(raw, end)
		switch {
		case i < len(raw) && raw[i] == ',':
			i = rawjson.Space(raw, i+1)
		case i < len(raw) && raw[i] == ']':
			return parts, rawjson.Space(raw, i+1) == len(raw)
		default:
			return nil, false
		}
	}
	return parts, true
}

// serveOne serves one message of a batch.
func (e *Edge) serveOne(ctx context.Context, p *peer, raw []byte, together *weight.Share, notify notifyFunc) answer {
	m, failure := parseMessage(raw)
	switch {
	case failure != nil:
		e.slowDown(ctx, p, costNotice, len(raw))
		revision, _ := p.known()
		return failureAnswer(orNull(m.id, revision), failure)
	case m.method == string(mcp.MethodInitialize):
		return failureAnswer(m.id, invalid("initialize must not be part of a batch"))
	}
	return e.serve(ctx, p, m, together, notify)
}
