package lists

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxDraft is how old a file that was never finished may become.
const maxDraft = time.Hour

// room is how many lists there may be, and how many bytes they may have together.
type room struct {
	files int
	bytes int64
}

// file is a list on disk.
type file struct {
	path string
	size int64
	at   time.Time // when it was written
}

// tidy removes the lists of servers that were not heard of for long, the oldest
// beyond what there is room for, and what was left half written. What it cannot
// remove stays.
func (r room) tidy(folder string, now time.Time) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	var all []file
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		f := file{filepath.Join(folder, e.Name()), info.Size(), info.ModTime()}
		switch {
		case isList(e.Name()):
			all = append(all, f)
		case isDraft(e.Name()) && now.Sub(f.at) > maxDraft:
			_ = os.Remove(f.path)
		}
	}
	slices.SortFunc(all, func(a, b file) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.path, b.path)) })
	bytes := int64(0)
	for i, f := range all {
		if bytes += f.size; i >= r.files || bytes > r.bytes || now.Sub(f.at) > maxAge {
			_ = os.Remove(f.path)
		}
	}
}

func isList(name string) bool {
	return len(name) == hexBytes+len(fileExt) && strings.HasSuffix(name, fileExt)
}

// isDraft reports whether a file is one that was to become a list: ".NAME.json.123".
func isDraft(name string) bool {
	return len(name) > hexBytes+len(fileExt)+1 && name[0] == '.' && strings.HasPrefix(name[1+hexBytes:], fileExt+".")
}
