package rulesfile

import (
	_ "embed" // For the template.
	"strings"
)

//go:embed template.json
var template string

// TemplateAgent is the first agent of the template.
const TemplateAgent = "default"

// Template is the commented .mcp-gateway-rules.json that `gatehouse init`
// writes. It is valid as it is. With a token, one item of defaults.tokens as
// JSON, agents over HTTP need a credential.
func Template(token string) []byte {
	if token == "" {
		return []byte(template)
	}
	const defaults = "  \"defaults\": {\n"
	before, after, _ := strings.Cut(template, defaults)
	return []byte(before + defaults +
		"    // Over HTTP an agent shows its token; only its hash stands here.\n" +
		"    // \"gatehouse token new\" makes more of them. Stdio needs none.\n" +
		"    \"tokens\": [\n      " + token + ",\n    ],\n\n" + after)
}
