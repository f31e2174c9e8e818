package endpoint

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/internal/rawjson"
)

// quiet is for how long a server goes on with a level that only a call wanted: the
// next one may want it too.
const quiet = 30 * time.Second

// Logger is somebody's wish for log messages.
type Logger struct {
	of    *Notices
	level Level
	hear  func(params json.RawMessage)
}

// Log has hear called with the params of each log message of that level, or a more
// severe one: not with locks held, and it must neither block nor keep them. End must
// follow.
func (n *Notices) Log(level Level, hear func(params json.RawMessage)) *Logger {
	l := &Logger{of: n, level: level, hear: hear}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.loggers == nil {
		n.loggers = map[*Logger]struct{}{}
	}
	n.loggers[l] = struct{}{}
	n.change()
	return l
}

// Set changes the level.
func (l *Logger) Set(level Level) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if l.level != level {
		l.level = level
		l.of.change()
	}
}

// End ends the wish. Repeating it does no harm.
func (l *Logger) End() {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	delete(l.of.loggers, l)
	l.of.change()
}

// Rest ends the wish of a call. The server goes on with the level for a while.
func (l *Logger) Rest() {
	n := l.of
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.loggers, l)
	n.held = moreVerbose(n.held, l.level)
	if n.release != nil {
		n.release.Reset(quiet)
		return
	}
	n.release = time.AfterFunc(quiet, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.held, n.release = 0, nil
		n.change()
	})
}

// Telling says which level of log messages the server is being asked for: until it has
// heard of that it is known to send what both the level before and this one let pass.
func (n *Notices) Telling(level Level) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.told != 0 {
		n.told = max(n.told, level)
	}
}

// Told says which level of log messages the server has been asked for.
func (n *Notices) Told(level Level) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = level
	if n.telling != nil {
		close(n.telling)
		n.telling = nil
	}
}

// AwaitLevel blocks until the server has been asked for log messages of that level,
// or for more, or until ctx ends.
func (n *Notices) AwaitLevel(ctx context.Context, level Level) {
	for {
		n.mu.Lock()
		there := n.told != 0 && n.told <= level
		if n.telling == nil {
			n.telling = make(chan struct{})
		}
		telling := n.telling
		n.mu.Unlock()
		if there {
			return
		}
		select {
		case <-telling:
		case <-ctx.Done():
			return
		}
	}
}

func (n *Notices) logged(params json.RawMessage) {
	level := LevelNamed(rawjson.Text(rawjson.Get(params, "level")))
	if level == 0 {
		return
	}
	n.mu.Lock()
	var told []*Logger
	for l := range n.loggers {
		if l.level <= level {
			told = append(told, l)
		}
	}
	n.mu.Unlock()
	for _, l := range told {
		l.hear(params)
	}
}
