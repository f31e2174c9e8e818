package locate_test

import (
	"io/fs"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
)

func TestWritableByOthers(t *testing.T) {
	const sticky = fs.ModeSticky | fs.ModeDir | 0o777
	cases := map[string]struct {
		p    locate.Permissions
		want bool
	}{
		"private":                         {locate.Permissions{Mode: 0o600, Folder: 0o700}, false},
		"readable by all":                 {locate.Permissions{Mode: 0o644, Folder: 0o755}, false},
		"writable by the group":           {locate.Permissions{Mode: 0o664, Folder: 0o755}, true},
		"writable by all":                 {locate.Permissions{Mode: 0o666, Folder: 0o755}, true},
		"in a folder open to all":         {locate.Permissions{Mode: 0o644, Folder: 0o777}, true},
		"in a folder open to a group":     {locate.Permissions{Mode: 0o644, Folder: 0o775}, false},
		"in a sticky folder such as /tmp": {locate.Permissions{Mode: 0o644, Folder: sticky, FolderForeign: true}, false},
		"another user's":                  {locate.Permissions{Mode: 0o600, Folder: 0o700, Foreign: true}, true},
		"in another user's folder":        {locate.Permissions{Mode: 0o600, Folder: 0o755, FolderForeign: true}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []locate.Kind{locate.RulesFile, locate.ServersFile, locate.EnvFile} {
				got := locate.WritableByOthers(kind, "x.json", c.p)
				if (len(got) == 1) != c.want || jsondoc.HasErrors(got) {
					t.Errorf("got %v, want a warning: %v", got, c.want)
				}
			}
		})
	}
}
