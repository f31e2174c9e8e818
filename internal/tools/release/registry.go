package main

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// registryName is what the MCP registry calls the server. Its first part is a name
// of whoever publishes it, in reverse; both packages repeat it, which proves that
// they are theirs.
const registryName = "io.github.gatehouse/gatehouse"

// serverJSON describes the gateway to the MCP registry.
type serverJSON struct {
	Schema      string            `json:"$schema"`
	Name        string            `json:"name"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Version     string            `json:"version"`
	Packages    []registryPackage `json:"packages"`
}

type registryPackage struct {
	RegistryType     string             `json:"registryType"`
	Identifier       string             `json:"identifier"`
	Version          string             `json:"version"`
	RuntimeHint      string             `json:"runtimeHint"`
	Transport        registryTransport  `json:"transport"`
	PackageArguments []registryArgument `json:"packageArguments"`
}

type registryTransport struct {
	Type string `json:"type"`
}

type registryArgument struct {
	Type        string `json:"type"` // positional or named
	Name        string `json:"name,omitempty"`
	Value       string `json:"value,omitempty"`
	Description string `json:"description,omitempty"`
	IsRequired  bool   `json:"isRequired,omitempty"`
}

// registry writes server.json.
func (o options) registry() (string, error) {
	v := versionsOf(o.version)
	arguments := []registryArgument{
		{Type: "positional", Value: "attach"},
		{Type: "named", Name: "--agent", Description: "Which agent of the rules the client is"},
		{Type: "named", Name: "--config", Description: "The folder of .mcp.json and the rules, if it is not the config folder"},
	}
	about := serverJSON{
		Schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
		Name:   registryName, Title: "gatehouse", Description: summary, Version: v.semver,
		Packages: []registryPackage{
			{"npm", "gatehouse", v.semver, "npx", registryTransport{"stdio"}, arguments},
			{"pypi", "gatehouse", v.python, "uvx", registryTransport{"stdio"}, arguments},
		},
	}
	text, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return "", err
	}
	return "server.json", os.WriteFile(filepath.Join(o.out, "server.json"), append(text, '\n'), 0o644)
}
