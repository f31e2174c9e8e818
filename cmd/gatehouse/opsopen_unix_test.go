//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestOpsOpen_showsThePageInTheBrowserAndPrintsTheLink(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{}, "--ops", "127.0.0.1:0")
	dir := t.TempDir()
	asked, browser := filepath.Join(dir, "asked"), filepath.Join(dir, "browser")
	script := "#!/bin/sh\nprintf '%s\\n' \"$*\" > '" + asked + ".new' && mv '" + asked + ".new' '" + asked + "'\n"
	if err := os.WriteFile(browser, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	withBrowser := operatorEnv(g, "BROWSER="+browser)

	for name, got := range map[string]ran{
		"--print":     runIn(t, withBrowser, "ops", "open", "--print").want(t, exitFine),
		"--json":      runIn(t, withBrowser, "ops", "open", "--json").want(t, exitFine),
		"no display":  runIn(t, operatorEnv(g), "ops", "open").want(t, exitFine),
		"no browser":  runIn(t, operatorEnv(g, "DISPLAY=:9", "PATH="+dir), "ops", "open").want(t, exitFine, "No browser could be opened"),
		"no programs": runIn(t, operatorEnv(g, "BROWSER="+dir+"/none", "PATH="+dir), "ops", "open").want(t, exitFine, "No browser could be opened"),
	} {
		if _, err := os.Stat(asked); err == nil || !strings.Contains(got.out, "/open?code=") {
			t.Errorf("%s: got %q, browser asked: %v; want the link alone", name, got.out, err == nil)
		}
	}

	got := runIn(t, withBrowser, "ops", "open").want(t, exitFine, "Your browser should show the page")
	testkit.Eventually(t, "the browser has been started", func() bool {
		_, err := os.Stat(asked)
		return err == nil
	})
	if shown := testkit.ReadFile(t, asked); shown != got.out || strings.Count(got.out, "\n") != 1 {
		t.Errorf("the browser was sent to %q, want what was printed, a line: %q", shown, got.out)
	}
}
