package serversfile

import _ "embed" // For the template.

//go:embed template.json
var template string

// Template is the commented .mcp.json that `gatehouse init` writes. It is valid
// as it is and starts no server.
func Template() []byte { return []byte(template) }
