package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/clients"
)

var updatePage = flag.Bool("update-clients-page", false, "write the entries into docs/CLIENTS.md")

// entryOf is what connect writes into an empty file of a client, and the file as
// people write its path.
func entryOf(c *clients.Client) (entry, file string) {
	place := clients.Place{GOOS: "linux", Home: "/home/ann", WorkDir: "/home/ann/w", Getenv: func(string) string { return "" }, Glob: func(string, string) []string { return nil }}
	path := c.ConnectFile(place, func(string) bool { return false })
	args := []string{"attach", "--agent", c.ID}
	if surface, _ := proposedSurface(c); surface != surfaceGate {
		args = append(args, "--surface", surface)
	}
	after, _, err := c.Connect(path, nil, clients.Command{Path: "/usr/local/bin/gatehouse", Args: args}, nil)
	if err != nil {
		return err.Error(), path
	}
	language := strings.TrimPrefix(strings.Replace(filepath.Ext(path), "yml", "yaml", 1), ".")
	return "```" + strings.TrimSuffix(language, "c") + "\n" + string(after) + "```\n", strings.Replace(path, "/home/ann", "~", 1)
}

// The page says what connect writes, client by client.
func TestClientsPage_showsWhatConnectWrites(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "CLIENTS.md")
	text := readText(t, path)
	for _, c := range clients.All() {
		if !c.CanConnect() {
			continue
		}
		_, section, found := strings.Cut(text, "\n## "+c.Title+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !found {
			t.Errorf("docs/CLIENTS.md has no section %q, want one", c.Title)
			continue
		}
		entry, file := entryOf(c)
		if *updatePage {
			from := strings.Index(section, "```")
			end := from + 3 + strings.Index(section[from+3:], "```\n") + 4
			text = strings.Replace(text, section, section[:from]+entry+section[end:], 1)
			continue
		}
		for _, want := range []string{entry, "`" + file + "`", "gatehouse connect " + c.ID, "Token"} {
			if !strings.Contains(section, want) {
				t.Errorf("%s: got no %q in its section, want it", c.Title, want)
			}
		}
	}
	if *updatePage {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
