package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// extras are what packages have beside the program: the manual, and completions for
// shells, by the paths that they have below /usr/share. The program writes them.
func (o options) extras() ([]file, error) {
	dir, err := os.MkdirTemp("", "gatehouse-extras-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "gatehouse")
	if err := o.build(platform{runtime.GOOS, runtime.GOARCH}, o.mode, program); err != nil {
		return nil, err
	}
	if _, err := command(dir, nil, program, "man", filepath.Join(dir, "man")); err != nil {
		return nil, err
	}
	pages, err := os.ReadDir(filepath.Join(dir, "man"))
	if err != nil {
		return nil, err
	}
	var out []file
	for _, p := range pages {
		text, err := os.ReadFile(filepath.Join(dir, "man", p.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, file{name: "man/man1/" + p.Name() + ".gz", data: squeeze(text), mode: 0o644})
	}
	for shell, path := range map[string]string{
		"bash": "bash-completion/completions/gatehouse", "zsh": "zsh/site-functions/_gatehouse", "fish": "fish/vendor_completions.d/gatehouse.fish",
	} {
		text, err := command(dir, nil, program, "completion", shell)
		if err != nil {
			return nil, err
		}
		out = append(out, file{name: path, data: text, mode: 0o644})
	}
	slices.SortFunc(out, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return out, nil
}

// squeeze is gzip without a time and a name.
func squeeze(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // There is such a level.
	_, _ = w.Write(data)                                  // A buffer takes all.
	_ = w.Close()
	return b.Bytes()
}
