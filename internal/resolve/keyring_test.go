package resolve_test

import (
	"strings"
	"testing"

	"gatehouse/internal/redact"
	"gatehouse/internal/vars"
	"gatehouse/testkit/problemtest"
)

func TestExpand_variableOfTheKeyring_comesAfterEnvFilesAndBeforeAllElse(t *testing.T) {
	env := world(map[string]string{".env": "A=entry\nB=entry\nC=entry\n"}, "A=own", "B=own", "C=own", "D=own")
	env.EnvFiles = []map[string]string{{"A": "file"}}
	env.Keyring = map[string]vars.Stored{"A": {Value: "ring"}, "B": {Value: "ring-value"}}
	got := expand(t, `{"command": "${A}-${B}-${C}-${D}", "envFile": ".env"}`, env)
	if want := "file-ring-value-entry-own"; got.Spec.Command != want {
		t.Errorf("got %s, want %s", got.Spec.Command, want)
	}
	if shown := redact.New(got.Secrets).String("ring-value"); strings.Contains(shown, "ring-value") {
		t.Errorf("got %s, want a value of the keyring redacted", shown)
	}
}

// Neither another source nor a default stands in for a value that is only locked.
func TestExpand_keyringThatDoesNotAnswer_misconfiguresWhoNeedsIt(t *testing.T) {
	env := world(map[string]string{".env": "A=entry\n"}, "A=own")
	env.Keyring = map[string]vars.Stored{"A": {Why: "it is locked"}}
	for _, body := range []string{
		`{"command": "x", "env": {"K": "${A}"}}`, `{"command": "x", "env": {"K": "${A:-fallback}"}}`, `{"command": "x", "env": {"K": "${A}"}, "envFile": ".env"}`,
	} {
		got := resolveEntry(problemtest.Entry(t, body), env)
		if want := "env.K: variable A is in the keyring of the system: it is locked"; got.Problem != want || !got.Unanswered {
			t.Errorf("%s: got %q (unanswered: %t), want %q", body, got.Problem, got.Unanswered, want)
		}
	}
	if got := resolveEntry(problemtest.Entry(t, `{"command": "x"}`), env); got.Problem != "" || got.Unanswered {
		t.Errorf("a server without it: got %q, want no problem", got.Problem)
	}
	env.EnvFiles = []map[string]string{{"A": "file"}}
	if got := resolveEntry(problemtest.Entry(t, `{"command": "${A}"}`), env); got.Problem != "" || got.Spec.Command != "file" {
		t.Errorf("an env file has it: got %q and %q, want its value", got.Problem, got.Spec.Command)
	}
}
