package agents

import (
	"bytes"
	"encoding/json"
	"sync"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// maxQueuedProgress and maxQueuedBytes bound what waits for a client that reads
// slowly.
const (
	maxQueuedProgress = 64
	maxQueuedBytes    = 1 << 20
)

// progress takes the progress of one call and sends it from a goroutine of its
// own, so that the one who reports never waits for the client.
type progress struct {
	token  json.RawMessage
	notify notifyFunc
	wake   chan struct{} // buffered 1: there is something to do
	done   chan struct{} // closed when the goroutine has ended

	mu    sync.Mutex
	queue [][]byte
	bytes int          // in the queue
	share weight.Share // what the queue takes of the budget
	ended bool
	muted bool // nobody waits for what comes
	// onItsWay is closed once the notification that was taken out of the queue has been
	// sent; nil if none is.
	onItsWay chan struct{}
}

// startProgress copies the token: who reports may still do so when the call is
// over and the request is nobody's any more.
func startProgress(token json.RawMessage, budget *weight.Budget, notify notifyFunc) *progress {
	p := &progress{token: bytes.Clone(token), notify: notify, share: budget.Share(), wake: make(chan struct{}, 1), done: make(chan struct{})}
	go p.run()
	return p
}

// report queues one notification. Params that are no object or too large are
// ignored, and so is what finds no room: progress is advisory.
func (p *progress) report(params json.RawMessage) {
	if rawjson.First(params) != '{' || len(params) > maxQueuedBytes/2 {
		return
	}
	p.mu.Lock()
	token := p.token
	p.mu.Unlock()
	if token != nil {
		p.add(olderNotice("notifications/progress", rawjson.Set(params, "progressToken", token)), maxQueuedProgress)
	}
}

// mute drops what is queued and whatever comes: the client's request is about to be
// answered. It waits for a notification that is on its way, which the answer must not
// overtake. A nil progress has nothing.
func (p *progress) mute() {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.muted, p.queue, p.bytes = true, nil, 0
	p.share.Release()
	onItsWay := p.onItsWay
	p.mu.Unlock()
	if onItsWay != nil {
		<-onItsWay // Sending ends as that of the answer does.
	}
}

// goOn has what comes belong to the client's next request, which has that token; nil
// asks for no progress.
func (p *progress) goOn(token json.RawMessage) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted, p.token = false, bytes.Clone(token)
}

// notice queues a notification that belongs to the call, as report does.
func (p *progress) notice(method string, params json.RawMessage) {
	if rawjson.First(params) == '{' && len(params) <= maxQueuedBytes/2 {
		p.add(olderNotice(method, params), maxNotices)
	}
}

// add queues a message, of at most so many.
func (p *progress) add(body []byte, most int) {
	jsonrpc.OneLine(body)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.muted {
		return
	}
	for len(p.queue) >= most || len(p.queue) > 0 && p.bytes+len(body) > maxQueuedBytes {
		p.bytes -= len(p.queue[0])
		p.queue = append(p.queue[:0], p.queue[1:]...) // The latest says most.
	}
	if !p.share.Grow(p.bytes + len(body)) {
		return
	}
	p.queue = append(p.queue, body)
	p.bytes += len(body)
	p.poke()
}

func (p *progress) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// finish sends what is queued, or drops it, and waits until nothing more can
// be sent. A nil progress has nothing to finish.
func (p *progress) finish(drop bool) {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.ended = true
	if drop {
		p.queue, p.bytes = nil, 0
		p.share.Release()
	}
	p.poke()
	p.mu.Unlock()
	<-p.done
}

func (p *progress) run() {
	defer close(p.done)
	for range p.wake {
		for {
			body, ended := p.next()
			if body == nil {
				if ended {
					return
				}
				break
			}
			p.notify(body)
			p.sent()
		}
	}
}

func (p *progress) next() (body []byte, ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return nil, p.ended
	}
	body, p.queue = p.queue[0], p.queue[1:]
	p.onItsWay = make(chan struct{})
	if p.bytes -= len(body); p.bytes == 0 {
		p.share.Release()
	}
	return body, false
}

func (p *progress) sent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.onItsWay)
	p.onItsWay = nil
}
