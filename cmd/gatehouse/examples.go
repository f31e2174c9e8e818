package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// examples are shown for commands that have none of their own. What is behind
// three blanks says what a line does.
var examples = map[string]string{
	"gatehouse": `  gatehouse doctor                    whether everything is in place
  gatehouse import --write            take over the servers of other programs
  gatehouse run --transport http      serve them at http://127.0.0.1:8000/mcp`,
	"gatehouse run": `  gatehouse run --agent backend                        over stdio, for one client
  gatehouse run --transport http                       over HTTP, at 127.0.0.1:8000
  gatehouse run --http 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem
  gatehouse run --mcp-config servers.json --rules rules.json`,
	"gatehouse attach": `  claude mcp add gatehouse -- gatehouse attach --agent backend
  gatehouse attach --agent backend --surface all        what a client that searches by itself starts
  gatehouse attach --url https://gw.example.com/mcp --token-file token
  gatehouse attach --url https://gw.example.com/mcp --keep-token    keeps a token that you paste
  gatehouse attach --url https://gw.example.com/mcp --token-keyring uses it
  gatehouse attach --keep-path                          servers find what this shell finds`,
	"gatehouse init": `  gatehouse init               into the config folder
  gatehouse init --dir .       into this folder, without a server`,
	"gatehouse disconnect": `  gatehouse disconnect cursor --dry-run   what would change
  gatehouse disconnect cursor`,
	"gatehouse apply": `  gatehouse apply --fleet shop --fleet-store https://etcd-1:2379,https://etcd-2:2379
  gatehouse apply --skip gateway-3   go on without a replica that cannot follow`,
	"gatehouse fleet": `  gatehouse fleet
  gatehouse fleet --json | jq .nodes`,
	"gatehouse validate": `  gatehouse validate
  gatehouse validate --mcp-config servers.json --rules rules.json --json`,
	"gatehouse explain": `  gatehouse explain backend db drop_table
  gatehouse explain "" db                               a caller that does not say who it is
  gatehouse explain backend docs --resource file:///a   a resource
  gatehouse explain backend db query --live             by the rules in force`,
	"gatehouse policy test":  `  gatehouse policy test rules-test.json`,
	"gatehouse policy diff":  `  gatehouse policy diff new-rules.json --live`,
	"gatehouse audit verify": `  gatehouse audit verify ~/.local/state/gatehouse/audit.jsonl`,
	"gatehouse token new": `  gatehouse token new --id alice-laptop --agent backend
  gatehouse token new --id ci --agent reader --expires 2027-01-01`,
	"gatehouse trust": `  gatehouse trust              look at this folder, and answer
  gatehouse trust --list
  gatehouse trust --revoke .`,
	"gatehouse variable set":    `  gatehouse variable set GITHUB_TOKEN   type the value, unseen, or pipe it`,
	"gatehouse variable list":   `  gatehouse variable list`,
	"gatehouse variable remove": `  gatehouse variable remove GITHUB_TOKEN`,
	"gatehouse demo-server":     `  gatehouse demo-server notes`,
	"gatehouse version":         `  gatehouse version`,
	"gatehouse status": `  gatehouse status            all
  gatehouse status db         one server
  gatehouse status --watch    again and again`,
	"gatehouse logs": `  gatehouse logs -f
  gatehouse logs --server db --level warn
  gatehouse logs --all -n 20   of all gateways of a fleet`,
	"gatehouse ops open": `  gatehouse ops open`,
	"gatehouse reload":   `  gatehouse reload`,
	"gatehouse restart": `  gatehouse restart db
  gatehouse restart --gateway   after an upgrade, say`,
	"gatehouse release": `  gatehouse release db`,
	"gatehouse hold":    `  gatehouse hold db --for 30m --reason "the disk is full"`,
	"gatehouse move": `  gatehouse move db gateway-2
  gatehouse move db             to whichever gateway is next in line`,
	"gatehouse tools": `  gatehouse tools db --agent backend
  gatehouse tools --changes`,
	"gatehouse call":                  `  gatehouse call db query '{"sql": "select 1"}' --agent backend`,
	"gatehouse help":                  `  gatehouse help policy diff`,
	"gatehouse completion bash":       `  gatehouse completion bash > ~/.local/share/bash-completion/completions/gatehouse`,
	"gatehouse completion zsh":        `  gatehouse completion zsh > "${fpath[1]}/_gatehouse"`,
	"gatehouse completion fish":       `  gatehouse completion fish > ~/.config/fish/completions/gatehouse.fish`,
	"gatehouse completion powershell": `  gatehouse completion powershell | Out-String | Invoke-Expression`,
}

// exampleOf are the examples of a command, in lines; empty if it has none.
func exampleOf(cmd *cobra.Command) string {
	if own := strings.Trim(cmd.Example, "\n"); own != "" {
		return own
	}
	return examples[cmd.CommandPath()]
}
