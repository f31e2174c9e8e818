package redact_test

import (
	"strings"
	"testing"

	"gatehouse/internal/redact"
)

// inClear are secrets; written in two parts, so that no scanner takes them for
// real ones.
var inClear = map[string]string{
	"ghp_" + "abcdefghij0123456789abcdefghij012345":         "a GitHub token",
	"github_pat_" + "11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz": "a GitHub token",
	"glpat-" + "abcdefghij0123456789":                       "a GitLab token",
	"sk-" + "abcdefghij0123456789abcdefghij01":              "an API key",
	"sk-ant-" + "api03-abcdefghij0123456789":                "an Anthropic key",
	"sk-proj-" + "abcdefghij0123456789":                     "an OpenAI key",
	"xoxb-" + "123456789012-abcdefghijkl":                   "a Slack token",
	"AKIA" + "IOSFODNN7EXAMPLE":                             "an AWS key",
	"AIza" + "SyA1234567890abcdefghijklmnopqrstuv":          "a Google key",
	"npm_" + "abcdefghij0123456789abcdefghij012345":         "an npm token",
	"eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdef":      "a JWT",
	"hf_" + "abcdefghij0123456789":                          "a Hugging Face token",
	"sk_live_" + "abcdefghij0123456789":                     "a Stripe key",
	"-----BEGIN " + "PRIVATE KEY-----\nMIIE":                "a private key",
}

func TestKnown_secretsOfWellKnownServices(t *testing.T) {
	for secret, want := range inClear {
		for _, text := range []string{secret, "Bearer " + secret, "--token=" + secret, "https://x.example/?key=" + secret + "&a=1", "a:" + secret + "@h"} {
			if got := redact.Known(text); got != want {
				t.Errorf("%q: got %q, want %q", text, got, want)
			}
			masked := redact.MaskKnown(text)
			if body := secret[4:min(len(secret), 20)]; strings.Contains(masked, body) || !strings.Contains(masked, "["+want+"]") {
				t.Errorf("%q: got %q, want [%s] in place of the secret", text, masked, want)
			}
		}
	}
}

func TestKnown_whatIsNoSecret(t *testing.T) {
	for _, text := range []string{
		"", "sk-...", "ghp_...", "ghp_", "${GITHUB_TOKEN}", "task-management-for-everybody", "eyJust-a-long-word-without-a-point",
		"https://example.com/disk-space-of-all-machines", "AKIA", "npm_config_registry", "@modelcontextprotocol/server-filesystem", "my-sk-",
		"xghp_abcdefghijklmnopqrstuvwxyz",
	} {
		if got := redact.Known(text); got != "" {
			t.Errorf("%q: got %q, want nothing", text, got)
		}
		if got := redact.MaskKnown(text); got != text {
			t.Errorf("%q: got %q, want it unchanged", text, got)
		}
	}
	if got, want := redact.MaskKnown("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc ghp_abcdefghij1234567890 x"), "[a JWT] [a GitHub token] x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
