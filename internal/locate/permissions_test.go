package locate_test

import (
	"io/fs"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
)

func TestWritableByOthers(t *testing.T) {
	cases := map[string]struct {
		mode, folder uint32
		want         bool
	}{
		"private":                     {0o600, 0o700, false},
		"readable by all":             {0o644, 0o755, false},
		"writable by the group":       {0o664, 0o755, true},
		"writable by all":             {0o666, 0o755, true},
		"in a folder open to all":     {0o644, 0o777, true},
		"in a folder open to a group": {0o644, 0o775, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := locate.WritableByOthers("rules.json", fs.FileMode(c.mode), fs.FileMode(c.folder))
			if (len(got) == 1) != c.want || jsondoc.HasErrors(got) {
				t.Errorf("got %v, want a warning: %v", got, c.want)
			}
		})
	}
	if got := locate.WritableByOthers("rules.json", 0o644, fs.ModeSticky|fs.ModeDir|0o777); len(got) > 0 {
		t.Errorf("a sticky folder such as /tmp: %v, want no warning", got)
	}
}
