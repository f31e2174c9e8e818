package config_test

import (
	"strings"
	"testing"

	configactor "gatehouse/actors/config"
	"gatehouse/messages"
)

// Whoever lacks an answer of the keyring hears what to do.
func TestLoad_variableThatTheKeyringWasNotAskedFor_isToldWhatHelps(t *testing.T) {
	f := withServers(`{"mcpServers": {"db": {"command": "db", "env": {"KEY": "${TOKEN}"}}}}`)
	f["/s/gatehouse.keyring"] = "TOKEN X1\n"
	src := configactor.Sources{ServersFile: serversFile, RulesFile: rulesFile, KeyringFile: "/s/gatehouse.keyring", ReachesSelf: noURL, RunsSelf: noProgram}
	loaded, _ := configactor.Load(src, func(role messages.FileRole, path string) messages.ConfigChanged { return f.read(role, path) })
	got := loaded.Resolved()[0]
	if !strings.Contains(got.Problem, "not asked for it; run: gatehouse reload") || !got.Unanswered {
		t.Errorf("got %q, want what to do", got.Problem)
	}
}
