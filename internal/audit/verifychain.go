package audit

import (
	"io"
	"os"
	"strings"
)

// chain is how far the lines have been followed by the hashes with which each
// names the one before it.
type chain struct {
	last    linkHash // of the line before
	any     bool     // there is one
	sealed  bool     // it names the one before it, too
	broken  bool     // something between it and the next was reported already
	file    string   // in which it is
	first   *place   // of the first line that names one; nil if that is there as well
	wants   linkHash // what first names
	dropped map[string]bool
	ends    map[string]linkHash // by log: the last line that its gateways wrote
}

// eventOnly are members that no line about a call has.
type eventOnly struct {
	Count       uint64 `json:"count"`
	Action      string `json:"action"`
	By          string `json:"by"`
	Address     string `json:"address"`
	File        string `json:"file"`
	Hash        string `json:"hash"`
	Was         string `json:"was"`
	ServersHash string `json:"servers_hash"`
	Names       string `json:"names"`
	Until       string `json:"until"`
	Version     string `json:"version"`
}

// pass goes on behind a line.
func (c *chain) pass(line []byte) {
	c.last, c.any = hashOf(line), true
	for log, end := range c.ends {
		if end == c.last {
			delete(c.ends, log)
		}
	}
}

// link checks that a line names the one before it. inOrder reports whether its number
// is right: what is missing is not reported twice.
func (v *Verifier) link(p place, inOrder bool) {
	c := &v.chain
	other := c.file != "" && logOf(c.file) != logOf(p.file)
	broken := c.broken || !inOrder
	c.file, c.broken = p.file, !inOrder && c.broken
	prev, ok := parseLink(p.rec.Prev)
	switch {
	case p.rec.Prev == "" && !c.sealed: // Of a version that did not chain lines.
		return
	case !ok:
		v.find(p, Chain, "it does not name the line before it")
	case other && prev == noLine: // Another log begins.
	case !c.any:
		if prev != noLine && !broken {
			c.first, c.wants = &p, prev
		}
	case prev != c.last && !broken:
		v.find(p, Chain, "the line before this one is not the one that was there when this one was written: it was changed, or lines between them were taken out or put in")
	}
	c.sealed = true
}

// dropped notes which file the gateway says that it deleted.
func (v *Verifier) dropped(p place) {
	if v.chain.dropped == nil {
		v.chain.dropped = map[string]bool{}
	}
	v.chain.dropped[p.rec.Last] = true
	if p.rec.Reason == droppedFull {
		v.find(p, Dropped, "the disk was nearly full, so the gateway deleted %s, which was younger than --audit-keep", quoted(p.rec.File))
	}
}

// expect remembers the last line of each log that its gateways say they wrote.
// It is asked before the files are read: lines that come meanwhile do no harm.
func (v *Verifier) expect(paths []string) {
	for _, path := range paths {
		f, err := os.OpenFile(path+lockEnd, os.O_RDONLY|nonblocking|noFollow, 0)
		if err != nil {
			continue // Without it nobody knows.
		}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			v.expectEnd(path, f)
		}
		_ = f.Close() // It was only read.
	}
}

func (v *Verifier) expectEnd(path string, state io.ReaderAt) {
	if h, ok := readState(state); ok {
		if v.chain.ends == nil {
			v.chain.ends = map[string]linkHash{}
		}
		v.chain.ends[path] = h
	}
}

// ended reports what only the whole shows: that lines are missing before the first
// one, or behind the last.
func (v *Verifier) ended() {
	c := &v.chain
	if c.first != nil && !c.dropped[c.wants.String()] {
		v.find(*c.first, Gap, "earlier lines are missing, and none says that the gateway deleted them")
	}
	c.first = nil
	for log := range c.ends {
		v.find(place{file: log, line: v.lastLine}, Cut, "its last lines are missing or were changed: the gateway wrote others than this one last")
	}
	c.ends = nil
}

// logOf returns the name of the log that a file belongs to.
func logOf(file string) string {
	if i := strings.LastIndexByte(file, '.'); i >= 0 {
		if _, ok := rotatedNumber(file, file[:i]); ok {
			return file[:i]
		}
	}
	return file
}
