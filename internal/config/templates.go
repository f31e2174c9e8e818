package config

import "embed"

//go:embed templates/servers.json templates/rules.json
var templates embed.FS

// ServersTemplate is the commented .mcp.json that `gatehouse init` writes. It
// is valid as it is and names no server that would be started.
func ServersTemplate() []byte { return template("servers.json") }

// RulesTemplate is the commented .mcp-gateway-rules.json that `gatehouse init`
// writes. It is valid as it is.
func RulesTemplate() []byte { return template("rules.json") }

func template(name string) []byte {
	b, err := templates.ReadFile("templates/" + name)
	if err != nil {
		panic("internal: template " + name + " is not embedded: " + err.Error())
	}
	return b
}
