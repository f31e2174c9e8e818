package main

import (
	"bytes"
	"os"
)

// noise writes without end what --flood asks for, once tools/list was
// answered.
func (s *server) noise(p *stdioPeer) {
	const words = "this is noise and nothing else"
	write := p.chunk
	text := words + "\n"
	switch s.opt.flood {
	case "stderr":
		write = os.Stderr.Write
	case "junk":
	case "notify":
		text = `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}` + "\n"
	case "line":
		text, write = words, p.w.Write
	default:
		return
	}
	<-s.wasListed
	if s.opt.flood == "line" {
		p.mu.Lock() // For ever: nothing else fits in between.
	}
	chunk := bytes.Repeat([]byte(text), 1+4096/len(text))
	for {
		if _, err := write(chunk); err != nil {
			return
		}
	}
}

// chunk writes whole lines.
func (p *stdioPeer) chunk(lines []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.w.Write(lines)
}
