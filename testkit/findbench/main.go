// Command findbench prints how well search_tools finds what sets of questions
// ask for. A set is a JSON file with servers, their tools and questions with the
// right answers; "make find SETS=DIR" runs it over all in a folder.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"gatehouse/internal/find"
)

// set is one file: pairs of a question and the right tools, or questions of
// several kinds that are asked of another file's servers.
type set struct {
	name      string
	Servers   []server
	Pairs     []pair
	Questions []question
}

type server struct {
	Name, Description string
	Tools             []json.RawMessage
}

type pair struct {
	Q     string
	Right map[string]int // SERVER/TOOL → how right
}

type question struct {
	Kind, Q string
	Right   []string // SERVER/TOOL or SERVER/*
	K       int      // one of Right must be among the first so many
	Before  string   // and this not before it
	None    bool     // nothing fits
}

func main() {
	table := flag.Bool("without", false, "print the scores with each rule left out, too")
	flag.Parse()
	if err := run(flag.Arg(0), *table); err != nil {
		fmt.Fprintln(os.Stderr, "findbench:", err)
		os.Exit(1)
	}
}

func run(dir string, table bool) error {
	sets, err := read(dir)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "set\tquestions\tR@1\tR@5\tMRR\tcalled weak")
	scores(w, sets, "")
	if table {
		for _, r := range find.Rules() {
			scores(w, sets, r)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range sets {
		if len(s.Questions) > 0 {
			kinds(s, sets)
		}
	}
	return nil
}

// read reads all sets in a folder.
func read(dir string) ([]*set, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no sets (*.json) in %q: name their folder", dir)
	}
	var out []*set
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		s := &set{name: strings.TrimSuffix(filepath.Base(f), ".json")}
		if err := json.Unmarshal(text, s); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// view is the view of one who may use all.
func (s *set) view(without find.Rule) *find.View {
	var docs []*find.Docs
	for _, each := range s.Servers {
		docs = append(docs, find.Read(find.Server{Name: each.Name, Description: each.Description, Tools: find.Definitions(each.Tools)}))
	}
	v := find.New(docs).View(func(_, _ string) bool { return true })
	if without == "" {
		return v
	}
	return v.Without(without)
}
