package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/rawjson"
)

// The limits of a record.
const (
	// MaxBytes is the size of the largest record.
	MaxBytes = 4 << 20
	// maxProjects is how many folders are remembered, those approved last.
	maxProjects = 1000
	// maxFiles is how many files one project may have.
	maxFiles = 1000
)

// FileName is the name of the record in the state folder.
const FileName = "trust.json"

// version is that of the record's format.
const version = 1

// Record is all that was approved: at most 1,000 projects, sorted by folder.
// It is a value; its methods change nothing.
type Record struct{ Projects []Project }

// document is the record as it is written.
type document struct {
	Version  int       `json:"version"`
	Projects []Project `json:"projects"`
}

// Parse reads a record. One that cannot be read in every part approves
// nothing.
func Parse(data []byte) (Record, error) {
	var d document
	if err := rawjson.Decode(data, &d); err != nil {
		return Record{}, fmt.Errorf("cannot read the record of approved files: %w", err)
	}
	if d.Version != version {
		return Record{}, fmt.Errorf("cannot read the record of approved files: its version is %d, not %d", d.Version, version)
	}
	for _, p := range d.Projects {
		if !filepath.IsAbs(p.Dir) || len(p.Files) > maxFiles {
			return Record{}, errors.New("cannot read the record of approved files: a project in it makes no sense")
		}
	}
	return Record{d.Projects}, nil
}

// Encode is the record as Parse reads it.
func (r Record) Encode() []byte {
	projects := r.Projects
	if projects == nil {
		projects = []Project{}
	}
	data, _ := json.MarshalIndent(document{version, projects}, "", "  ") // Strings and times: it never fails.
	return append(data, '\n')
}

// Project returns what was approved of a folder.
func (r Record) Project(dir string) (Project, bool) {
	for _, p := range r.Projects {
		if p.Dir == dir {
			return p, true
		}
	}
	return Project{}, false
}

// With returns a record with this project instead of what it has of its
// folder. Beyond its limit it forgets the project that was approved first. A
// project with more than 1,000 files is an error.
func (r Record) With(p Project) (Record, error) {
	if len(p.Files) > maxFiles {
		return r, fmt.Errorf("cannot approve %s: its servers name %d files, more than %d", p.Dir, len(p.Files)-2, maxFiles-2)
	}
	projects := append(slices.Clip(r.Without(p.Dir).Projects), p)
	if len(projects) > maxProjects {
		oldest := slices.MinFunc(projects, func(a, b Project) int { return a.Approved.Compare(b.Approved) })
		projects = Record{projects}.Without(oldest.Dir).Projects
	}
	slices.SortFunc(projects, func(a, b Project) int { return strings.Compare(a.Dir, b.Dir) })
	return Record{projects}, nil
}

// Without returns a record that knows nothing of this folder.
func (r Record) Without(dir string) Record {
	return Record{slices.DeleteFunc(slices.Clone(r.Projects), func(p Project) bool { return p.Dir == dir })}
}
