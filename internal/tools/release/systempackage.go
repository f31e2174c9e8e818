package main

import (
	"bytes"
	"os"
	"path/filepath"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // The formats.
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// systemPackages makes the .deb and the .rpm of a program for Linux and returns
// their names. both has what goes into the archive, and the extras.
func (o options) systemPackages(p platform, content, extras []file, stamp time.Time) ([]string, error) {
	dir, err := os.MkdirTemp("", "gatehouse-package-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	tree := packageTree{dir: dir, stamp: stamp}
	for _, f := range content {
		to := "/usr/share/doc/gatehouse/" + f.name
		if f.name == "gatehouse" {
			to = "/usr/bin/gatehouse"
		}
		tree.add(to, f.data, f.mode, "")
	}
	for _, f := range extras {
		tree.add("/usr/share/"+f.name, f.data, f.mode, "")
	}
	for name, to := range map[string]string{
		"gatehouse.service": "/usr/lib/systemd/system/gatehouse.service", "gatehouse.socket": "/usr/lib/systemd/system/gatehouse.socket",
		"sysusers.conf": "/usr/lib/sysusers.d/gatehouse.conf",
	} {
		tree.addFrom(filepath.Join(o.root, "deploy", "systemd", name), to, "")
	}
	for name, to := range map[string]string{"servers.json": "/etc/gatehouse/servers.json", "rules.json": "/etc/gatehouse/rules.json"} {
		tree.addFrom(filepath.Join(o.root, "deploy", "systemd", name), to, "config|noreplace")
	}
	if tree.err != nil {
		return nil, tree.err
	}
	var made []string
	for _, format := range []string{"deb", "rpm"} {
		name, err := o.systemPackage(format, p, tree.contents, stamp)
		if err != nil {
			return nil, err
		}
		made = append(made, name)
	}
	return made, nil
}

// packageTree collects the files of a package. The library reads them from a
// folder.
type packageTree struct {
	dir      string
	stamp    time.Time
	contents files.Contents
	err      error
}

func (t *packageTree) add(to string, data []byte, mode os.FileMode, kind string) {
	from := filepath.Join(t.dir, filepath.FromSlash(to))
	if t.err == nil {
		t.err = os.MkdirAll(filepath.Dir(from), 0o755)
	}
	if t.err == nil {
		t.err = os.WriteFile(from, data, 0o644)
	}
	t.contents = append(t.contents, &files.Content{
		Source: from, Destination: to, Type: kind, FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: t.stamp},
	})
}

func (t *packageTree) addFrom(path, to, kind string) {
	data, err := os.ReadFile(path)
	if t.err == nil {
		t.err = err
	}
	t.add(to, data, 0o644, kind)
}

func (o options) systemPackage(format string, p platform, contents files.Contents, stamp time.Time) (string, error) {
	packager, err := nfpm.Get(format)
	if err != nil {
		return "", err
	}
	scripts := filepath.Join(o.root, "deploy", "systemd")
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "gatehouse", Platform: "linux", Arch: p.arch, Version: versionsOf(o.version).system, VersionSchema: "none", Release: "1",
		Section: "net", Priority: "optional", Maintainer: maintainer, Description: summary + "\n" + description, Vendor: "gatehouse", License: license,
		MTime: stamp, DisableGlobbing: true,
		Overridables: nfpm.Overridables{
			Contents: contents, RPM: nfpm.RPM{BuildHost: "localhost", Summary: summary},
			Scripts: nfpm.Scripts{PostInstall: filepath.Join(scripts, "postinstall.sh"), PreRemove: filepath.Join(scripts, "preremove.sh")},
		},
	})
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := packager.Package(info, &out); err != nil {
		return "", err
	}
	name := "gatehouse-" + p.system + "-" + p.arch + "." + format
	return name, os.WriteFile(filepath.Join(o.out, name), out.Bytes(), 0o644)
}
