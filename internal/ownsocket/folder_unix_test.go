//go:build unix

package ownsocket_test

import (
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/ownsocket"
)

func TestDirs_longPaths_getAShortStandIn(t *testing.T) {
	long := "/" + strings.Repeat("long/", 30)
	dirs := ownsocket.Dirs([]string{"/run/user/1/gatehouse", "/home/x/.local/state/gatehouse/run"}, "/tmp")
	if len(dirs) != 2 || dirs[0] != "/run/user/1/gatehouse" || dirs[1] != "/home/x/.local/state/gatehouse/run" {
		t.Errorf("got %v, want the folder of the user's runtime and that of its state", dirs)
	}
	short := ownsocket.Dirs([]string{long, long + "other"}, "/tmp")
	if len(short) != 2 || short[0] == short[1] || filepath.Dir(short[0]) != "/tmp" || len(short[0]) > 60 {
		t.Errorf("got %v, want two different short paths in /tmp", short)
	}
	if again := ownsocket.Dirs([]string{long, ""}, "/tmp"); len(again) != 1 || again[0] != short[0] {
		t.Errorf("gateway and command would not meet: %v", again)
	}
	if none := ownsocket.Dirs([]string{"", "relative"}, "/tmp"); len(none) != 0 {
		t.Errorf("got %v, want none", none)
	}
}
