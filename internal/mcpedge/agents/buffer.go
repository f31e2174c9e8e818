package agents

import "sync"

// maxPooled is the size of the largest buffer that is kept for the next use:
// a rare large result must not keep its memory.
const maxPooled = 256 << 10

// buffer holds a message while it is put together or read. Whoever takes one
// returns it with free, or leaves it to the garbage collector.
type buffer struct{ bytes []byte }

var buffers = sync.Pool{New: func() any { return &buffer{bytes: make([]byte, 0, 4<<10)} }}

func newBuffer() *buffer { return buffers.Get().(*buffer) }

// free returns a buffer to the pool, with the bytes that it has grown to. Nobody
// may use them any more.
func (b *buffer) free(grown []byte) {
	if b == nil {
		return
	}
	if cap(grown) > maxPooled {
		grown = nil
	}
	if grown != nil {
		b.bytes = grown[:0]
	}
	buffers.Put(b)
}
