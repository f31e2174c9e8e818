// This module pins the MCP registry's own, which holds the official schema of
// server.json: a test reads it there. Its licence is MIT, of newer parts Apache 2.0.
module gatehouse/internal/tools/release/testdata/registry

go 1.26.0

require github.com/modelcontextprotocol/registry v1.8.9
