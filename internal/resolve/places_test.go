package resolve_test

import (
	"path/filepath"
	"slices"
	"testing"

	"gatehouse/internal/resolve"
	"gatehouse/testkit/problemtest"
)

func TestPlaces_findsPathsAsProgramsUnderstandThem(t *testing.T) {
	cases := map[string]struct{ arg, want string }{
		"a whole argument":        {"/data", "/data"},
		"one that is not clean":   {"/data/../etc/", "/etc"},
		"the value of an option":  {"--root=/data", "/data"},
		"a variable of a program": {"ROOT=/data", "/data"},
		"a mount":                 {"/data:/mnt:rw", "/data"},
		"an option with a mount":  {"--volume=/data:/mnt", "/data"},
		"a mount in words":        {"type=bind,source=/data,target=/mnt", "/data"},
		"a list":                  {"/a,/data", "/data"},
		"a file url":              {"file:///data%20x", "/data x"},
		"the home directory":      {"~", filepath.Dir(root)},
		"below it":                {"~/x", filepath.Join(filepath.Dir(root), "x")},
		"an option with it":       {"--root=~/x", filepath.Join(filepath.Dir(root), "x")},
		"the folder it runs in":   {".", in("sub")},
		"the folder above":        {"..", root},
		"a relative path":         {"--root=../x", in("x")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := problemtest.Entry(t, `{"command": "x", "cwd": "sub"}`)
			e.Args = []string{"-y", c.arg}
			got := resolveEntry(e, world(nil)).Places(filepath.Dir(root))
			if !slices.ContainsFunc(got, func(p resolve.Place) bool { return p.Field == "args[1]" && p.Path == c.want }) {
				t.Errorf("got %+v, want args[1] to be %s", got, c.want)
			}
		})
	}
}

func TestPlaces_areTheCwdToo_andNoneOfAURLServer(t *testing.T) {
	want := resolve.Place{Field: "cwd", Path: in("sub")}
	if got := resolveEntry(problemtest.Entry(t, `{"command": "x", "cwd": "sub"}`), world(nil)).Places(""); !slices.Contains(got, want) {
		t.Errorf("got %+v, want %+v among them", got, want)
	}
	if got := resolveEntry(problemtest.Entry(t, `{"url": "http://h/data"}`), world(nil)).Places(""); len(got) != 0 {
		t.Errorf("got %+v, want none", got)
	}
}
