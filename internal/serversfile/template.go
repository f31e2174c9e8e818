package serversfile

import _ "embed" // For the template.

//go:embed template.json
var template string

// Template is the commented .mcp.json that `gatehouse init` writes. It is valid
// as it is and starts no server.
func Template() []byte { return []byte(template) }

// PlainTemplate is the .mcp.json that `gatehouse init` writes where other MCP
// clients read it too: most of them know no comments, and would start whatever
// is in it.
func PlainTemplate() []byte { return []byte("{\n  \"mcpServers\": {}\n}\n") }
