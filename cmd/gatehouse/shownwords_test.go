package main

import (
	"slices"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/internal/serversfile"
)

func TestServerDetail_command_hasNoSecretThatTheFileHasInClear(t *testing.T) {
	e := serversfile.Entry{Transport: serversfile.Stdio, Command: "npx", Args: []string{
		"-y", "@acme/server@1.2", "--token", "hunter2hunter2", "--api-key=abc", "DB_PASSWORD=abc", "--auth-token", "${TOKEN:-abc}", "--token", "--verbose",
		"postgresql://me:hunter2@db.example.com/prod", "--url=https://x.example.com/mcp?key=abc", "https://x.example.com/mcp", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "--name=value",
	}}
	want := []string{
		"npx", "-y", "@acme/server@1.2", "--token", "…", "--api-key=…", "DB_PASSWORD=…", "--auth-token", "${TOKEN:-…}", "--token", "--verbose",
		"postgresql://db.example.com", "--url=https://x.example.com", "https://x.example.com/mcp", "[a GitHub token]", "--name=value",
	}
	var d admin.ServerDetail
	describe(&d, e, func(text string) string { return text })
	if !slices.Equal(d.Command, want) {
		t.Errorf("got %q, want %q", d.Command, want)
	}
}
