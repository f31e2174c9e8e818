package resolve

import (
	"net/url"
	"path/filepath"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
	"gatehouse/internal/serversfile"
)

// Place is a path that a server is given, in one of its fields.
type Place struct {
	Field string // "cwd", or an argument such as "args[1]"
	Path  string // absolute
	// Written is what stands in an argument if that is a relative path.
	Written string
}

// Places lists what may be a path in the arguments of a program, and its cwd: a
// whole argument, what follows a "=", the parts of a mount (SOURCE:TARGET), and
// file urls. Most of them are no paths at all; whoever asks looks whether there
// is anything. The Server must have no Problem.
func (s Server) Places(home string) []Place {
	if s.Spec.Transport != serversfile.Stdio {
		return nil
	}
	list := []Place{{Field: "cwd", Path: s.Spec.Cwd}}
	for i, arg := range s.Spec.Args {
		field := jsondoc.IndexPath("args", i)
		for _, text := range pathsIn(arg) {
			if p, ok := placeOf(text, s.Spec.Cwd, home); ok {
				p.Field = field
				list = append(list, p)
			}
		}
	}
	return list
}

// placeOf makes a path as a program would understand it.
func placeOf(text, cwd, home string) (Place, bool) {
	if u, err := url.Parse(text); err == nil && u.Scheme == "file" {
		return Place{Path: filepath.FromSlash(u.Path)}, filepath.IsAbs(filepath.FromSlash(u.Path))
	}
	if rest, ok := locate.CutTilde(text); ok && home != "" {
		return Place{Path: filepath.Join(home, rest)}, true
	}
	switch {
	case text == "" || strings.ContainsRune(text, 0) || len(text) > maxPath:
		return Place{}, false
	case filepath.IsAbs(text):
		return Place{Path: filepath.Clean(text)}, true
	}
	return Place{Path: filepath.Join(cwd, text), Written: text}, true
}

// maxPath is longer than any path can be.
const maxPath = 4096

// pathsIn takes an argument apart.
func pathsIn(arg string) []string {
	parts := []string{arg}
	if strings.HasPrefix(arg, "file:") {
		return parts
	}
	for _, option := range strings.FieldsFunc(arg, func(r rune) bool { return r == ',' || r == ';' }) {
		_, value, _ := strings.Cut(option, "=")
		parts = append(parts, value)
		for side := range strings.SplitSeq(option, ":") {
			_, value, ok := strings.Cut(side, "=")
			if !ok {
				value = side
			}
			parts = append(parts, value)
		}
	}
	return unique(parts)
}

func unique(list []string) []string {
	seen := make(map[string]bool, len(list))
	var out []string
	for _, text := range list {
		if text != "" && !seen[text] {
			seen[text] = true
			out = append(out, text)
		}
	}
	return out
}
