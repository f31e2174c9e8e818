package adopt_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
)

// FuzzImport imports any file as that of any client, beside files of the owner's:
// it always works, a second time changes nothing, also if the first one was killed
// before, and no agent of the owner's gains anything.
func FuzzImport(f *testing.F) {
	ids := clients.IDs()
	paths, err := filepath.Glob("testdata/*/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		at := slices.Index(ids, filepath.Base(filepath.Dir(path)))
		if at < 0 || filepath.Ext(path) == ".want" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 2000 {
			f.Add(uint8(at), filepath.Ext(path), data)
		}
	}
	before := adopt.Texts{Servers: []byte(ownServers), Rules: []byte(ownRules), Env: []byte("A=1")}
	old, _ := rulesfile.ParseRules("r", before.Rules)
	f.Fuzz(func(t *testing.T, at uint8, ext string, data []byte) {
		client, _ := clients.Find(ids[int(at)%len(ids)])
		if !slices.Contains([]string{".toml", ".yaml"}, ext) {
			ext = ".json"
		}
		found := client.Read([]clients.Source{{File: clients.File{Path: "/home/ann/f" + ext, Base: "/home/ann/w"}, Data: data}}, noFile)
		p, err := adopt.Make(ownPaths, before, []clients.Found{found}, nil)
		if err != nil {
			t.Fatalf("got %v, want a plan", err)
		}
		texts := after(before, p)
		again, err := adopt.Make(ownPaths, texts, []clients.Found{found}, nil)
		if err != nil {
			t.Fatalf("again: got %v, want a plan", err)
		}
		if again.After.Servers != nil || again.After.Env != nil || again.After.Rules != nil || len(again.Clashes) != len(p.Clashes) {
			t.Errorf("again: got %v\n%s%s%s\nafter\n%s%s%s\nwant no change", again.Clashes, again.After.Servers, again.After.Rules, again.After.Env, texts.Servers, texts.Rules, texts.Env)
		}
		killedBetween(t, before, p, nil, found)
		now, _ := rulesfile.ParseRules("r", texts.Rules)
		decider := policy.Compile(now)
		for _, r := range p.Rows {
			for _, a := range old.Agents {
				if r.State == adopt.New && decider.Decide(a.ID, r.Server, "t").Allow {
					t.Errorf("%s may use %s, want that it may not", a.ID, r.Server)
				}
			}
			if strings.ContainsFunc(r.Server+r.What, func(c rune) bool { return c < ' ' && c != '\n' && c != '\t' && c != '\r' }) {
				t.Errorf("got %q, %q; want no control characters", r.Server, r.What)
			}
		}
	})
}
