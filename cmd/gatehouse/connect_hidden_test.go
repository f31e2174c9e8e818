package main

import (
	"strings"
	"testing"
)

// However a secret is written, and whether or not it counts, a diff does not show it.
func TestConnect_dryRun_hidesSecretsHoweverTheyAreWritten(t *testing.T) {
	for _, c := range []struct{ name, client, file, text string }{
		{"escapes of JSON", "cursor", ".cursor/mcp.json", `{"mcpServers": {"a": {"command": "npx",
			"args": ["--token", "s3cr\/one", "--password=s3cr\u0052two"],
			"env": {"T": "s3cr\/three", "U": "s3cr\u0052four", "P": 1234567},
			"headers": {"X": "s3cr\u0041five"}}, "b": {"url": "https:\/\/me:s3cr\u0041six@h.example\/"}}}`},
		{"escapes of TOML", "codex", ".codex/config.toml", `[mcp_servers.a]
command = "npx"
args = ["--token", "s3cr\u0054one", "--password", """
s3cr
s3cr1"""]
[mcp_servers.a.env]
T = "s3cr\u0054two"
U = """
s3crthree
s3cr\u0054four"""
[mcp_servers.b]
url = "https://h.example"
bearer_token = "s3cr-five"
http_headers = {X = 's3cr-six'}
`},
		{"escapes of YAML", "goose", ".config/goose/config.yaml", `extensions:
  a:
    cmd: npx
    type: stdio
    args: ["--token", "s3cr\x59one"]
    envs:
      T: "s3cr\x59two"
      U: 's3cr''three'
      V: |
        s3crfour
        s3crfive
      W: s3crsix
        s3crseven
      X: s3creight # why
  b: {type: stdio, cmd: x, envs: {T: 's3cr''nine', U: s3crten
      s3creleven}}
`},
		{"comments of JSON", "cursor", ".cursor/mcp.json", `{"mcpServers": { // s3cr-zero
			"a": {"command": "npx", "args": ["https://h.example/#x" /* "--token=s3cr-one",
				s3cr-two */, "y"]}, // "env": {"T": "s3cr-three"}
			// "b": {"command": "x", "env": {"T": "s3cr-four"}}
			"it's // not one": {"command": "npx"} // 's3cr-five'
			}}`},
		{"comments of TOML", "codex", ".codex/config.toml", `# s3cr-zero
[mcp_servers.a] # s3cr-one
command = "npx"
args = ["x#y", # "--token=s3cr-two"
  #"s3cr-three"
]#s3cr-four
# env = { T = "s3cr-five" }
`},
		{"comments of YAML", "goose", ".config/goose/config.yaml", `# s3cr-zero
extensions:
  a: # it's s3cr-one
    type: stdio
    cmd: npx # s3cr-two
    args: [x#y, "z" ] # s3cr-three
    # envs: {T: s3cr-four}
`},
		{"comments of TOML right behind a value", "codex", ".codex/config.toml", `n = 20#was TOKEN=s3cr-one
b = true#s3cr-two
m = "o3"#s3cr-three
l = """x"""#s3cr-four
d = 2020-01-01#s3cr-five
[mcp_servers.a]#s3cr-six
command = 'npx'#s3cr-seven
`},
		{"comments of YAML behind values of any form", "goose", ".config/goose/config.yaml", `extensions:
  a:
    type: stdio
    cmd: npx
    description: >
      it's # a text
    # b: # s3cr-one
    #  envs: {TOKEN: s3cr-two}
    note: | # s3cr-three
      x
    m: &q v # s3cr-four
    bob's: # don't lose s3cr-five
      x
    args: [&r "x # y", "--token=s3cr-six
      s3cr-seven"] # s3cr-eight
`},
		{"an alias", "goose", ".config/goose/config.yaml", "note: &n s3cr-one\nextensions:\n  a:\n    type: stdio\n    cmd: npx\n    envs:\n      T: *n\n"},
		{"the first of two", "cursor", ".cursor/mcp.json", `{"mcpServers": {
			"a": {"command": "npx", "env": {"T": "s3cr-one", "T": "s3cr-two"}, "env": {"T": "s3cr-three"}},
			"a": {"command": "npx", "args": ["--token=s3cr-four"], "args": ["x"], "headers": {"X": "s3cr-five"}},
			"a": {"url": "https://me:s3cr-six@h.example/", "url": "https://h.example/"}}}`},
		{"a sign-in", "cursor", ".cursor/mcp.json", `{"mcpServers": {
			"a": {"url": "https://h.example/", "auth": {"CLIENT_ID": "s3cr-one", "CLIENT_SECRET": "s3cr-two"}},
			"b": {"url": "https://i.example/", "oauth": {"clientSecret": "s3cr-three"}}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := clientHome(t)
			path := homeFile(t, home, c.file, c.text)
			atHome(t, "import", "--from", c.client, "--write").want(t, exitFine)
			for _, command := range []string{"connect --dry-run", "connect --replace --dry-run", "connect --replace", "disconnect --dry-run"} {
				args := append(strings.Fields(command), c.client)
				if r := atHome(t, args...).want(t, exitFine); strings.Contains(r.out, "s3cr") || strings.Contains(r.out, "1234567") {
					t.Errorf("%s: got\n%s\nwant no secret", command, r.out)
				}
			}
			replaceIn(t, path, "\n", "\n\n")
			if r := atHome(t, "disconnect", c.client, "--dry-run").want(t, exitFine); strings.Contains(r.out, "s3cr") {
				t.Errorf("disconnect of a file that has changed: got\n%s\nwant no secret", r.out)
			}
		})
	}
}

// What is hidden are secrets: the rest of a line stays, and so does what only names one.
func TestConnect_dryRun_showsTheRest(t *testing.T) {
	home := clientHome(t)
	homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {
  "auth-server": {"command": "npx", "args": ["-y", "auth@1.0.0"], "env": {"T": "s3cret-value", "V": "${env:MY_TOKEN}"}} // mine
}}`)
	atHome(t, "import", "--from", "cursor", "--write").want(t, exitFine)
	atHome(t, "connect", "cursor", "--replace", "--dry-run").want(t, exitFine,
		`-  "auth-server": {"command": "npx", "args": ["-y", "auth@1.0.0"], "env": {"T": "[redacted]", "V": "${env:MY_TOKEN}"}} // [redacted]`)
}
