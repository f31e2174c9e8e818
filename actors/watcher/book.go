package watcher

import (
	"maps"
	"slices"
	"time"

	"gatehouse/internal/filewatch"
	"gatehouse/messages"
)

// book is what the actor knows: which files there are, what was sent of each,
// and what is to be read. Its methods have no effects but on itself.
type book struct {
	sent      map[FileID]string // the mark of what the target knows; "" is nothing
	optional  map[FileID]bool
	debouncer Debouncer
	queue     queue
}

func newBook(cfg Config) book {
	b := book{sent: map[FileID]string{}, optional: map[FileID]bool{}, debouncer: Debouncer{Quiet: cfg.Debounce, MaxWait: cfg.MaxWait}}
	for _, f := range cfg.Files {
		b.sent[FileID{f.Role, f.Path}] = f.Mark
		b.optional[FileID{f.Role, f.Path}] = f.Optional
	}
	return b
}

// ids lists the files, what others depend on first.
func (b *book) ids() []FileID { return slices.SortedFunc(maps.Keys(b.sent), compareIDs) }

// roles lists the roles that one path has, in the same order.
func (b *book) roles(path string) []FileID {
	var ids []FileID
	for id := range b.sent {
		if id.Path == path {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, compareIDs)
	return ids
}

// watched says what the source must watch, sorted by path.
func (b *book) watched() []filewatch.File {
	marks := map[string]string{}
	for _, id := range b.ids() {
		if mark, twice := marks[id.Path]; twice && mark != b.sent[id] {
			marks[id.Path] = "" // Look at it: one of them does not know it.
		} else {
			marks[id.Path] = b.sent[id]
		}
	}
	files := make([]filewatch.File, 0, len(marks))
	for _, path := range slices.Sorted(maps.Keys(marks)) {
		files = append(files, filewatch.File{Path: path, Mark: marks[path]})
	}
	return files
}

// lists reports whether a file lists variables whose values a keyring has.
func (b *book) lists(path string) bool {
	_, lists := b.sent[FileID{messages.RoleKeyring, path}]
	return lists
}

func (b *book) notice(n filewatch.Notice, now time.Time) {
	trigger := messages.TriggerChange
	if n.Polled {
		trigger = messages.TriggerPoll
	}
	for _, id := range b.roles(n.Path) {
		b.debouncer = b.debouncer.Notice(id, trigger, now)
	}
}

// watch replaces the files of one role and returns those beyond the limit. A
// new file is due for a look: whoever named it may have read it before somebody
// changed it. An unread one is due at once.
func (b *book) watch(m messages.WatchFiles, now time.Time) (leftOut []string) {
	wanted := slices.Compact(slices.Sorted(slices.Values(m.Paths)))
	for _, id := range b.ids() {
		if id.Role == m.Role && !slices.Contains(wanted, id.Path) {
			delete(b.sent, id)
		}
	}
	for _, path := range wanted {
		id := FileID{m.Role, path}
		if _, known := b.sent[id]; known {
			continue
		}
		if len(b.sent) >= MaxFiles {
			leftOut = append(leftOut, path)
			continue
		}
		b.sent[id] = ""
		if !slices.Contains(m.Unread, path) {
			b.debouncer = b.debouncer.Notice(id, messages.TriggerPoll, now)
		}
	}
	for _, path := range m.Unread {
		id := FileID{m.Role, path}
		if _, watched := b.sent[id]; watched {
			b.queue = b.queue.push(job{Due: Due{ID: id, Trigger: messages.TriggerNamed}, forced: true})
		}
	}
	b.debouncer = b.debouncer.Keep(func(id FileID) bool { _, ok := b.sent[id]; return ok })
	return leftOut
}

// rescan makes every file due at once.
func (b *book) rescan(trigger string) {
	for _, id := range b.ids() {
		b.queue = b.queue.push(job{Due: Due{ID: id, Trigger: trigger}, forced: true})
	}
}

// tick moves what has become due into the queue.
func (b *book) tick(now time.Time) {
	var due []Due
	b.debouncer, due = b.debouncer.Tick(now)
	for _, d := range due {
		b.queue = b.queue.push(job{Due: d})
	}
}

// next takes out the next read. While the keyring is asked, what depends on its answer
// waits: the servers, and lists of variables.
func (b *book) next(asking bool) (j job, ok bool) {
	b.queue, j, ok = b.queue.pop(func(j job) bool {
		return asking && (j.ID.Role == messages.RoleServers || b.lists(j.ID.Path))
	})
	return j, ok
}

func (b *book) wake() time.Time { return b.debouncer.Wake() }

// found returns what the target must hear of what was read.
func (b *book) found(f found) []messages.ConfigChanged {
	j, content := f.job, f.content
	if j.Early && content.Err != "" && !j.forced {
		return nil // It may be back in a moment; its own burst will say.
	}
	var changes []messages.ConfigChanged
	for _, id := range b.roles(j.ID.Path) {
		forced := j.forced && id == j.ID
		known := b.sent[id] == content.Mark()
		if known && (!forced || content.Missing && b.optional[id]) {
			continue
		}
		b.sent[id] = content.Mark()
		changes = append(changes, messages.ConfigChanged{
			Role: id.Role, Path: id.Path, Content: content.Bytes, Hash: content.Hash, Err: content.Err, Reason: content.Reason, Missing: content.Missing,
			Unreadable: content.Unreadable, Forced: forced, Trigger: j.Trigger,
		})
	}
	return changes
}
