package toolbook

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/safefile"
)

const (
	fileName = "tools.json"
	// maxFile is the size in bytes of a file that is read, and up to which one is
	// written: servers that were not heard of for long are left out.
	maxFile = 8 << 20
	// gather is for how long what servers list is gathered before it is written: the
	// whole file is, each time.
	gather = 500 * time.Millisecond
)

func fileIn(folder string) string { return filepath.Join(folder, fileName) }

// keep has a server's list written soon. The caller holds the lock.
func (b *Book) keep(fingerprint string, s *server) {
	if b.path == "" {
		return
	}
	b.news[fingerprint] = s
	b.writer.Ask()
}

// Wait has all written at once, and waits for it. It is for the end.
func (b *Book) Wait() { b.writer.Wait() }

// write writes what is new. Other gateways may have learnt something meanwhile: their
// servers stay.
func (b *Book) write() {
	news := b.next()
	all := load(b.path)
	maps.Copy(all, news)
	forgetOldest(all, maxServers)
	_ = save(b.path, all) // Then a change is noticed only while this process runs.
}

// next hands out what is to be written.
func (b *Book) next() map[string]*server {
	b.mu.Lock()
	defer b.mu.Unlock()
	news := b.news
	b.news = map[string]*server{}
	return news
}

func load(path string) map[string]*server {
	all := map[string]*server{}
	data, err := safefile.Read(path, maxFile)
	if err != nil || rawjson.Decode(data, &all) != nil || all == nil {
		return map[string]*server{}
	}
	maps.DeleteFunc(all, func(_ string, s *server) bool { return s == nil || s.Tools == nil })
	return all
}

// save replaces the file in one step; only its owner may read it.
func save(path string, all map[string]*server) error {
	data, err := encode(all)
	if err != nil {
		return err
	}
	return safefile.Replace(path, data)
}

// encode leaves out the oldest servers until the rest fits.
func encode(all map[string]*server) ([]byte, error) {
	for {
		data, err := json.Marshal(all)
		if err != nil {
			return nil, fmt.Errorf("internal: %w", err)
		}
		if len(data) <= maxFile || len(all) == 0 {
			return data, nil
		}
		forgetOldest(all, len(all)/2)
	}
}

// forgetOldest drops the servers beyond a number that were heard of longest ago.
func forgetOldest(all map[string]*server, most int) {
	if len(all) <= most {
		return
	}
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(all[a].At.Compare(all[b].At), cmp.Compare(a, b))
	})
	for _, name := range names[:len(all)-most] {
		delete(all, name)
	}
}
