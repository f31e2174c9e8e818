package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// wheelTags are the platforms as Python names them. The programs for Linux need no
// library, so they run with any.
var wheelTags = map[platform]string{
	{"linux", "amd64"}:   "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
	{"linux", "arm64"}:   "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
	{"darwin", "amd64"}:  "macosx_11_0_x86_64",
	{"darwin", "arm64"}:  "macosx_11_0_arm64",
	{"windows", "amd64"}: "win_amd64",
	{"windows", "arm64"}: "win_arm64",
}

// wheel makes the Python package with the program of one system: "uvx gatehouse"
// runs it, and pip puts it beside python. It has no line of Python.
func (o options) wheel(p platform, program []byte, stamp time.Time) (string, error) {
	tags, ok := wheelTags[p]
	if !ok {
		return "", fmt.Errorf("%s/%s: Python has no name for it", p.system, p.arch)
	}
	readme, err := os.ReadFile(filepath.Join(o.root, "README.md"))
	if err != nil {
		return "", err
	}
	version := versionsOf(o.version).python
	base := "gatehouse-" + version
	info := base + ".dist-info/"
	content := []file{{name: base + ".data/scripts/gatehouse" + p.ext(), data: program, mode: 0o755}}
	for _, doc := range []string{"LICENSE", "NOTICE"} {
		data, err := os.ReadFile(filepath.Join(o.root, doc))
		if err != nil {
			return "", err
		}
		content = append(content, file{name: info + "licenses/" + doc, data: data, mode: 0o644})
	}
	var about strings.Builder
	private := "Classifier: Private :: Do Not Upload\n" // PyPI takes no such package.
	if o.publish {
		private = ""
	}
	fmt.Fprintf(&about, "Metadata-Version: 2.4\nName: gatehouse\nVersion: %s\nSummary: %s\nLicense-Expression: %s\nLicense-File: LICENSE\nLicense-File: NOTICE\n"+
		"Keywords: mcp,gateway,modelcontextprotocol,proxy\nRequires-Python: >=3.8\n%sDescription-Content-Type: text/markdown\n\n<!-- mcp-name: %s -->\n\n%s", version, summary, license, private, registryName, readme)
	content = append(content, file{name: info + "METADATA", data: []byte(about.String()), mode: 0o644})
	var wheel strings.Builder
	wheel.WriteString("Wheel-Version: 1.0\nGenerator: gatehouse-release\nRoot-Is-Purelib: false\n")
	for tag := range strings.SplitSeq(tags, ".") {
		wheel.WriteString("Tag: py3-none-" + tag + "\n")
	}
	content = append(content, file{name: info + "WHEEL", data: []byte(wheel.String()), mode: 0o644})
	content = append(content, file{name: info + "RECORD", data: record(content, info+"RECORD"), mode: 0o644})
	packed, err := packZip("", content, stamp)
	if err != nil {
		return "", err
	}
	name := base + "-py3-none-" + tags + ".whl"
	return name, os.WriteFile(filepath.Join(o.out, name), packed, 0o644)
}

// record lists the files of a wheel with their hashes.
func record(content []file, itself string) []byte {
	var b strings.Builder
	for _, f := range content {
		sum := sha256.Sum256(f.data)
		fmt.Fprintf(&b, "%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.data))
	}
	b.WriteString(itself + ",,\n")
	return []byte(b.String())
}
