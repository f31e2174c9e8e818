// Command release builds what "make dist" hands out. For each platform it
// makes the program, a list of what is in it (an SBOM, CycloneDX), and an
// archive of both with the licences of everything that is linked in. A file of
// checksums comes last.
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
	var made []string
	for _, name := range platforms {
		p, err := parsePlatform(name)
		if err != nil {
			return err
		}
		files, err := o.release(p, stamp)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, f := range files {
			fmt.Println(filepath.Join(filepath.Base(o.out), f))
		}
		made = append(made, files...)
	}
	return writeSums(o.out, made)
}

// release makes the files of one platform and returns their names.
func (o options) release(p platform, stamp time.Time) ([]string, error) {
	name := "gatehouse-" + p.system + "-" + p.arch
	program, sbom := name+p.ext(), name+".cdx.json"
	if err := o.build(p, filepath.Join(o.out, program)); err != nil {
		return nil, err
	}
	if err := o.listContents(filepath.Join(o.out, program), filepath.Join(o.out, sbom)); err != nil {
		return nil, err
	}
	content, err := o.contents(p, program, sbom)
	if err != nil {
		return nil, err
	}
	archive := name + p.archive()
	packed, err := pack(archive, content, stamp)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(o.out, archive), packed, 0o644); err != nil {
		return nil, err
	}
	return []string{program, sbom, archive}, nil
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
