// Command release builds what "make dist" hands out. For each platform it
// makes the program, a list of what is in it (an SBOM, CycloneDX), and an
// archive of both with the licences of everything that is linked in, the manual
// and completions; for Linux also a .deb and a .rpm. Packages for npm and PyPI, and
// the description for the MCP registry, follow; a file of checksums comes last.
//
// The same source makes the same bytes: nothing in them tells when, where or
// by whom they were made.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.root, "root", filepath.Join("..", "..", ".."), "the repository")
	flag.StringVar(&o.out, "out", "dist", "the folder for what is made; it is emptied first")
	flag.StringVar(&o.version, "version", "", "the version that the program reports (default: devel)")
	flag.StringVar(&o.mode, "buildmode", "pie", "pie, or exe for an image without the system's loader")
	flag.StringVar(&o.cache, "cache", "", "a build cache for the program alone (default: the usual one)")
	flag.BoolVar(&o.publish, "publish", false, "make packages that npm and PyPI take: their names must be the publisher's there")
	flag.Parse()
	o.out = absolute(o.out)
	if o.cache != "" {
		o.cache = absolute(o.cache)
	}
	if err := run(o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// absolute is for paths that programs in other folders get.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// options say what to build, and where.
type options struct {
	root, out, version, mode, cache string
	// publish makes packages that can be uploaded. Without it npm and PyPI refuse them,
	// so that none is by mistake under a name that is somebody else's.
	publish bool
}

func run(o options, platforms []string) error {
	stamp, err := timestamp(o.root)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(o.out); err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	extras, err := o.extras()
	if err != nil {
		return err
	}
	var made []string
	var built []platform
	for _, name := range platforms {
		p, err := parsePlatform(name)
		if err != nil {
			return err
		}
		built = append(built, p)
		files, err := o.release(p, extras, stamp)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, f := range files {
			fmt.Println(filepath.Join(filepath.Base(o.out), f))
		}
		made = append(made, files...)
	}
	root, err := o.npmRoot(built, stamp)
	if err != nil {
		return err
	}
	described, err := o.registry()
	if err != nil {
		return err
	}
	return writeSums(o.out, append(made, root, described))
}

// release makes the files of one platform and returns their names.
func (o options) release(p platform, extras []file, stamp time.Time) ([]string, error) {
	name := "gatehouse-" + p.system + "-" + p.arch
	program, sbom := name+p.ext(), name+".cdx.json"
	if err := o.build(p, o.mode, filepath.Join(o.out, program)); err != nil {
		return nil, err
	}
	if err := o.listContents(filepath.Join(o.out, program), filepath.Join(o.out, sbom)); err != nil {
		return nil, err
	}
	content, err := o.contents(p, program, sbom)
	if err != nil {
		return nil, err
	}
	made := []string{program, sbom, name + p.archive()}
	archived := slices.Clone(content)
	for _, f := range extras {
		f.name = "share/" + f.name
		archived = append(archived, f)
	}
	packed, err := pack(name+p.archive(), archived, stamp)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(o.out, name+p.archive()), packed, 0o644); err != nil {
		return nil, err
	}
	if p.system == "linux" {
		packages, err := o.systemPackages(p, content, extras, stamp)
		if err != nil {
			return nil, err
		}
		made = append(made, packages...)
	}
	carried, err := o.carried(p, filepath.Join(o.out, program), stamp)
	return append(made, carried...), err
}

// carried are the packages of npm and Python with the program of one platform. They
// are for any system of that name, so on Linux the program is one that needs no
// loader.
func (o options) carried(p platform, path string, stamp time.Time) ([]string, error) {
	if p.system == "linux" && o.mode != "exe" {
		dir, err := os.MkdirTemp("", "gatehouse-static-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		path = filepath.Join(dir, "gatehouse")
		if err := o.build(p, "exe", path); err != nil {
			return nil, err
		}
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	node, err := o.npmPlatform(p, program, stamp)
	if err != nil {
		return nil, err
	}
	python, err := o.wheel(p, program, stamp)
	return []string{node, python}, err
}

// contents is what goes into the archive.
func (o options) contents(p platform, program, sbom string) ([]file, error) {
	var out []file
	add := func(name, path string, mode os.FileMode) error {
		data, err := os.ReadFile(path)
		out = append(out, file{name: name, data: data, mode: mode})
		return err
	}
	if err := add("gatehouse"+p.ext(), filepath.Join(o.out, program), 0o755); err != nil {
		return nil, err
	}
	if err := add("gatehouse.cdx.json", filepath.Join(o.out, sbom), 0o644); err != nil {
		return nil, err
	}
	for _, name := range []string{"CHANGELOG.md", "LICENSE", "NOTICE", "README.md", "SECURITY.md"} {
		if err := add(name, filepath.Join(o.root, name), 0o644); err != nil {
			return nil, err
		}
	}
	licences, err := o.licences(p)
	if err != nil {
		return nil, err
	}
	out = append(out, licences...)
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// platform is what a program is built for.
type platform struct{ system, arch string }

func parsePlatform(name string) (platform, error) {
	system, arch, ok := strings.Cut(name, "/")
	if !ok || system == "" || arch == "" {
		return platform{}, fmt.Errorf("platform %q: want SYSTEM/ARCHITECTURE, such as linux/amd64", name)
	}
	return platform{system, arch}, nil
}

func (p platform) ext() string {
	if p.system == "windows" {
		return ".exe"
	}
	return ""
}

func (p platform) archive() string {
	if p.system == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

func (p platform) env() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.system, "GOARCH="+p.arch)
}

// timestamp is the time of every file in an archive: SOURCE_DATE_EPOCH, else
// when the source was committed, else a fixed day.
func timestamp(root string) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := command(root, nil, "git", "log", "-1", "--format=%ct")
		if err != nil {
			return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), nil // An archive of the source has no commits.
		}
		text = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q: want seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
