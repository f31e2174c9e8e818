package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// command runs a program in a folder and returns what it wrote to stdout.
func command(dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return stdout.Bytes(), nil
}

// build makes the program, without symbols and without a trace of the folder
// that it was built in.
func (o options) build(p platform, mode, to string) error {
	flags := "-s -w -buildid="
	if o.version != "" {
		flags += " -X main.release=" + o.version
	}
	env := p.env()
	if o.cache != "" {
		env = append(env, "GOCACHE="+o.cache)
	}
	// The version says which source it is, so the checkout's state need not.
	_, err := command(o.root, env, "go", "build", "-buildmode="+mode, "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", to, "./cmd/gatehouse")
	return err
}

// listContents writes the SBOM of a program: the modules that are in it. It has
// neither a time nor a random number.
func (o options) listContents(program, to string) error {
	version := o.version
	if version == "" {
		version = "devel"
	}
	env := append(os.Environ(), "GOFLAGS=-trimpath") // Its own hash is in what it writes.
	out, err := command(".", env, "go", "tool", "cyclonedx-gomod", "bin", "-json", "-std", "-noserial", "-notimestamp", "-version", version, program)
	if err != nil {
		return err
	}
	return os.WriteFile(to, out, 0o644)
}

// module is what "go list" says of one.
type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module
}

// linked lists the modules whose packages are in the program, by path.
func (o options) linked(p platform) ([]module, error) {
	out, err := command(o.root, p.env(), "go", "list", "-deps", "-json=Module", "./cmd/gatehouse")
	if err != nil {
		return nil, err
	}
	found := map[string]module{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct{ Module *module }
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		m := pkg.Module
		if m == nil || m.Main {
			continue
		}
		if m.Replace != nil {
			m.Dir = m.Replace.Dir
		}
		found[m.Path] = *m
	}
	var list []module
	for _, m := range found {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

// licences reads the licences and notices of all modules that are linked in,
// and of Go itself.
func (o options) licences(p platform) ([]file, error) {
	modules, err := o.linked(p)
	if err != nil {
		return nil, err
	}
	root, err := command(o.root, nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	modules = append(modules, module{Path: "go", Version: runtime.Version(), Dir: strings.TrimSpace(string(root))})
	var out []file
	for _, m := range modules {
		files, err := licencesOf(m)
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
	}
	return out, nil
}

// licencesOf reads the licence of one module, with its notices and patents. A
// module without a licence must not be handed out.
func licencesOf(m module) ([]file, error) {
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return nil, err
	}
	var out []file
	licensed := false
	for _, e := range entries {
		kind := strings.ToUpper(strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())))
		isLicence := slices.Contains([]string{"LICENSE", "LICENCE", "COPYING"}, kind)
		if e.IsDir() || !isLicence && kind != "NOTICE" && kind != "PATENTS" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(m.Dir, e.Name()))
		if err != nil {
			return nil, err
		}
		licensed = licensed || isLicence
		out = append(out, file{name: "licenses/" + m.Path + "@" + m.Version + "/" + e.Name(), data: data, mode: 0o644})
	}
	if !licensed {
		return nil, fmt.Errorf("module %s %s has no licence in %s", m.Path, m.Version, m.Dir)
	}
	return out, nil
}
