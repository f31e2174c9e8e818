package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// nodeNames are what Node.js calls systems and processors.
var nodeNames = map[string]string{"darwin": "darwin", "linux": "linux", "windows": "win32", "amd64": "x64", "arm64": "arm64"}

// npmPackage is the package.json of one package.
type npmPackage struct {
	Name                 string            `json:"name"`
	Version              string            `json:"version"`
	Private              bool              `json:"private,omitempty"` // npm publishes no such package
	Description          string            `json:"description"`
	License              string            `json:"license"`
	Keywords             []string          `json:"keywords,omitempty"`
	MCPName              string            `json:"mcpName,omitempty"`
	Bin                  map[string]string `json:"bin,omitempty"`
	OS                   []string          `json:"os,omitempty"`
	CPU                  []string          `json:"cpu,omitempty"`
	Engines              map[string]string `json:"engines,omitempty"`
	OptionalDependencies map[string]string `json:"optionalDependencies,omitempty"`
}

func npmName(p platform) string { return "@gatehouse/" + nodeNames[p.system] + "-" + nodeNames[p.arch] }

// npmPlatform makes the npm package with the program of one system. It runs
// nothing when it is installed.
func (o options) npmPlatform(p platform, program []byte, stamp time.Time) (string, error) {
	about := npmPackage{
		Name: npmName(p), Version: versionsOf(o.version).semver, Description: "The program of gatehouse for " + p.system + "/" + p.arch,
		License: license, OS: []string{nodeNames[p.system]}, CPU: []string{nodeNames[p.arch]},
	}
	return o.npmPack("gatehouse-npm-"+p.system+"-"+p.arch, about, []file{{name: "bin/gatehouse" + p.ext(), data: program, mode: 0o755}}, stamp)
}

// npmRoot makes the package that people name: it starts the program of the one for
// their system, which npm chooses.
func (o options) npmRoot(platforms []platform, stamp time.Time) (string, error) {
	version := versionsOf(o.version).semver
	about := npmPackage{
		Name: "gatehouse", Version: version, Description: summary, License: license, Keywords: []string{"mcp", "gateway", "modelcontextprotocol", "proxy"},
		MCPName: registryName, Bin: map[string]string{"gatehouse": "gatehouse.js"}, Engines: map[string]string{"node": ">=18"}, OptionalDependencies: map[string]string{},
	}
	for _, p := range platforms {
		about.OptionalDependencies[npmName(p)] = version
	}
	script, err := os.ReadFile(filepath.Join(o.root, "deploy", "npm", "gatehouse.js"))
	if err != nil {
		return "", err
	}
	readme, err := os.ReadFile(filepath.Join(o.root, "README.md"))
	if err != nil {
		return "", err
	}
	return o.npmPack("gatehouse-npm", about, []file{{name: "README.md", data: readme, mode: 0o644}, {name: "gatehouse.js", data: script, mode: 0o755}}, stamp)
}

func (o options) npmPack(name string, about npmPackage, content []file, stamp time.Time) (string, error) {
	about.Private = !o.publish
	text, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return "", err
	}
	for _, doc := range []string{"LICENSE", "NOTICE"} {
		data, err := os.ReadFile(filepath.Join(o.root, doc))
		if err != nil {
			return "", err
		}
		content = append(content, file{name: doc, data: data, mode: 0o644})
	}
	content = append(content, file{name: "package.json", data: append(text, '\n'), mode: 0o644})
	packed, err := packTar("package", content, stamp) // npm wants the folder to have this name.
	if err != nil {
		return "", err
	}
	return name + ".tgz", os.WriteFile(filepath.Join(o.out, name+".tgz"), packed, 0o644)
}
