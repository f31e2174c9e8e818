package rulesfile

import _ "embed" // For the template.

//go:embed template.json
var template string

// Template is the commented .mcp-gateway-rules.json that `gatehouse init`
// writes. It is valid as it is.
func Template() []byte { return []byte(template) }
