package main

import (
	"os"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/locate"
	"gatehouse/messages"
)

// The files of a fleet have names for messages, and no places.
const (
	fleetServersFile = "fleet/.mcp.json"
	fleetRulesFile   = "fleet/.mcp-gateway-rules.json"
)

// findForRun decides which files to use. Those of a fleet are in its store.
func (o *runOptions) findForRun() (foundFiles, error) {
	if o.fleet.name == "" {
		return o.find()
	}
	workDir, err := os.Getwd()
	if err != nil {
		return foundFiles{}, err
	}
	f := foundFiles{
		fleet:   true,
		servers: locate.Found{Path: fleetServersFile, Why: "--fleet"},
		rules:   locate.Found{Path: fleetRulesFile, Why: "--fleet"},
	}
	f.keyring = findKeyringFile()
	f.envFiles, err = o.findEnvFiles(search{workDir: workDir, home: homeDir(), configDir: configDir()})
	return f, err
}

// sources has the sources of a gateway of a fleet say what relative paths mean.
func (o *fleetOptions) sources(src *configactor.Sources) {
	if o.name != "" {
		src.Env.FileDir = o.root
	}
}

// readNothing reads the files of a gateway that begins with no configuration: that of
// its fleet comes later.
func readNothing(role messages.FileRole, path string) messages.ConfigChanged {
	m := messages.ConfigChanged{Role: role, Path: path, Trigger: "start"}
	switch role { //nolint:exhaustive // All others are files of this machine.
	case messages.RoleServers:
		m.Content = []byte(`{"mcpServers": {}}`)
	case messages.RoleRules:
		m.Content = []byte(`{"agents": {}}`)
	default:
		return readFile(role, path)
	}
	return m
}
