package ops

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// The bounds of streams.
const (
	maxStreams = 32               // at one time
	partTime   = 10 * time.Second // for a reader to take what is sent
	gap        = 100 * time.Millisecond
	look       = 700 * time.Millisecond // at counters, which say nothing when they change
	heartbeat  = 15 * time.Second
)

// fragment is a part of a page: an element with an id.
type fragment struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// picture is what a page shows at one moment. Rows are those of a table, List is
// the table, for when Shape has changed: other rows, or in another order.
type picture struct {
	parts []fragment
	rows  []row
	shape string
	list  func() fragment
}

// row is a part that is made only if its key is another one than before: many
// rows mostly stay as they are.
type row struct {
	id, key string
	make    func() fragment
}

// fragment renders a template that is one element.
func (s *Server) fragment(id, name string, data any) fragment {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, data); err != nil {
		s.opts.Log.Error("a part of a page cannot be made", slog.String("part", name), slog.Any("err", err))
	}
	return fragment{id, strings.TrimSpace(b.String())}
}

// live sends the parts of a page that change, as events, for as long as its
// reader takes them.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	draw := map[string]func(*http.Request) (picture, bool){"tree": s.drawTree, "server": s.drawServer, "reloads": s.drawReloads}[q.Get("view")]
	if draw == nil && q.Get("view") != "log" {
		s.sorry(w, http.StatusNotFound, "There is no such view.")
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		s.sorry(w, http.StatusServiceUnavailable, "Too many pages follow already.")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := &stream{w: w, control: http.NewResponseController(w), sent: map[string]uint64{}}
	_ = out.control.SetReadDeadline(time.Time{}) // The request has been read; what follows is not.
	if q.Get("of") != s.opts.Instance {
		_ = out.event("away", "", struct{}{}) // The page is of a process that is gone.
		return
	}
	if out.comment() != nil { // So that its reader knows at once that it is there.
		return
	}
	if draw == nil {
		s.followLog(r, out)
		return
	}
	s.follow(r, out, draw)
}

// follow draws again when something has happened, and now and then for what
// happens without an event.
func (s *Server) follow(r *http.Request, out *stream, draw func(*http.Request) (picture, bool)) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	quiet := time.Now()
	for {
		changed := s.changed()
		p, ok := draw(r)
		if !ok {
			_ = out.event("away", "", struct{}{})
			return
		}
		wrote, err := out.picture(p)
		if err == nil && !wrote && time.Since(quiet) > heartbeat {
			wrote, err = true, s.alive(r, out)
		}
		if err != nil {
			return
		}
		if wrote {
			quiet = time.Now()
		}
		select {
		case <-changed:
			if !pause(r.Context(), gap) {
				return
			}
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// alive asks whether the reader is there, and may still read.
func (s *Server) alive(r *http.Request, out *stream) error {
	if _, err := s.access.of(r); err != nil {
		return err
	}
	return out.comment()
}

// changed is closed when something happens; nil, which never is, without news.
func (s *Server) changed() <-chan struct{} {
	if s.opts.Changed == nil {
		return nil
	}
	return s.opts.Changed()
}

// pause waits, and reports whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// stream sends events to one reader.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	sent    map[string]uint64 // by id, the hash of what the reader has
	shape   string
}

var seed = maphash.MakeSeed()

// picture sends what the reader does not have yet. It reports whether there was
// anything.
func (o *stream) picture(p picture) (wrote bool, err error) {
	news := o.unknown(p.parts)
	fresh := o.shape != p.shape && p.list != nil
	for _, r := range p.rows {
		if o.differs(r.id, r.key) && !fresh {
			news = append(news, r.make())
		}
	}
	if fresh {
		o.shape = p.shape
		news = append(news, p.list())
	}
	for _, f := range news {
		if err := o.event("part", "", f); err != nil {
			return true, err
		}
	}
	return len(news) > 0, nil
}

// unknown are the fragments that are others than the reader has.
func (o *stream) unknown(all []fragment) (news []fragment) {
	for _, f := range all {
		if o.differs(f.ID, f.HTML) {
			news = append(news, f)
		}
	}
	return news
}

// differs reports whether a part is another one than it was, and notes it.
func (o *stream) differs(id, text string) bool {
	hash := maphash.String(seed, text)
	had, ok := o.sent[id]
	o.sent[id] = hash
	return !ok || had != hash
}

// event sends one event. It blocks until the reader has taken it, for partTime at
// most.
func (o *stream) event(kind, id string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("cannot write an event: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: %s\n", kind)
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "data: %s\n\n", text)
	return o.write(b.Bytes())
}

func (o *stream) comment() error { return o.write([]byte(":\n\n")) }

func (o *stream) write(b []byte) error {
	if err := o.control.SetWriteDeadline(time.Now().Add(partTime)); err != nil {
		return fmt.Errorf("cannot bound a write: %w", err)
	}
	if _, err := o.w.Write(b); err != nil {
		return fmt.Errorf("cannot write an event: %w", err)
	}
	if err := o.control.Flush(); err != nil {
		return fmt.Errorf("cannot write an event: %w", err)
	}
	return nil
}
