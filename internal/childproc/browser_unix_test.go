//go:build unix && !darwin

package childproc_test

import (
	"testing"

	"gatehouse/internal/childproc"
)

func TestOpenBrowser_withoutADisplay_startsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		browser, display, wayland string
		want                      bool
	}{
		"neither":               {},
		"X11":                   {display: ":0", want: true},
		"Wayland":               {wayland: "wayland-0", want: true},
		"a program of your own": {browser: "my-browser", want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("BROWSER", c.browser)
			t.Setenv("DISPLAY", c.display)
			t.Setenv("WAYLAND_DISPLAY", c.wayland)
			t.Setenv("PATH", t.TempDir())
			if got := childproc.ShowsPages(); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
			if err := childproc.OpenBrowser("https://example.com"); err == nil {
				t.Error("got no error, want one: there is no program here")
			}
		})
	}
}
