package resolve

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
	"gatehouse/internal/vars"
)

// resolve finds the value of a variable. Its errors name the variable.
func (x *expander) resolve(v vars.Variable) (string, error) {
	switch {
	case v.Path != "":
		return x.fileContent(v)
	case v.Name == "workspaceFolder":
		if x.env.FileDir == "" {
			return "", errors.New("${workspaceFolder} is unknown: " + noFolder)
		}
		return workspaceFolder(x.env.FileDir), nil
	case v.Name == "userHome":
		if x.env.HomeDir == "" {
			return "", errors.New("${userHome} is unknown: there is no home directory")
		}
		return x.env.HomeDir, nil
	}
	return x.lookup(v.Name)
}

// errUnanswered is for a variable whose value is in a keyring that does not give it.
// Nothing stands in for it: neither another source nor a default, which its owner wants
// only where it is not set.
var errUnanswered = errors.New("is in the keyring of the system")

// lookup asks the --env-files, the last one first, the keyring, the entry's envFile,
// then the gateway's own environment.
func (x *expander) lookup(name string) (string, error) {
	for _, values := range slices.Backward(x.env.EnvFiles) {
		if value, ok := values[name]; ok {
			return value, nil
		}
	}
	if stored, ok := x.env.Keyring[name]; ok {
		if stored.Why != "" {
			return "", fmt.Errorf("variable %s %w: %s", name, errUnanswered, stored.Why)
		}
		return stored.Value, nil
	}
	if value, ok := x.envFile[name]; ok {
		return value, nil
	}
	if value, ok := x.own[vars.FoldName(name, x.env.GOOS)]; ok {
		return value, nil
	}
	return "", errors.New("variable " + name + " is not set")
}

// fileContent is the content of a ${file:PATH}, its last newline cut.
func (x *expander) fileContent(v vars.Variable) (string, error) {
	path, err := x.absolute(v.Path)
	if err != nil {
		return "", fmt.Errorf("cannot read ${%s}: %w", v.Name, err)
	}
	file := x.file(path)
	if file.Reason != "" {
		return "", fmt.Errorf("cannot read ${%s}: %s", v.Name, file.Reason)
	}
	text := strings.TrimSuffix(string(file.Bytes), "\n")
	return strings.TrimSuffix(text, "\r"), nil
}

// path makes a path of a field absolute.
func (x *expander) path(field, path string) string {
	abs, err := x.absolute(path)
	if err != nil {
		x.fail(field, "%v", err)
	}
	return abs
}

// absolute expands "~" and takes a relative path from the folder of the file.
func (x *expander) absolute(path string) (string, error) {
	if rest, ok := locate.CutTilde(path); ok {
		if x.env.HomeDir == "" {
			return "", errors.New("there is no home directory for ~")
		}
		return filepath.Join(x.env.HomeDir, rest), nil
	}
	if filepath.IsAbs(path) {
		return path, nil
	}
	if x.env.FileDir == "" {
		return "", fmt.Errorf("%s is relative, and %s", jsondoc.Quote(path), noFolder)
	}
	return filepath.Join(x.env.FileDir, path), nil
}

// noFolder says why nothing may be relative.
const noFolder = "the configuration of a fleet stands in no folder: write an absolute path, or start each replica with --fleet-root"

// workspaceFolder is the folder of the file, or its parent when the file
// stands in a program's own folder.
func workspaceFolder(dir string) string {
	if base := filepath.Base(dir); base == ".cursor" || base == ".vscode" {
		return filepath.Dir(dir)
	}
	return dir
}

// readEnvFile reads the entry's own source of variables, if it has one.
func (x *expander) readEnvFile() {
	if x.entry.EnvFile == "" {
		return
	}
	path := x.path("envFile", x.expand("envFile", "envFile", x.entry.EnvFile))
	if len(x.reasons) > 0 {
		return
	}
	shown := vars.WithoutDefaults(x.entry.EnvFile)
	file := x.file(path)
	if file.Reason != "" {
		x.fail("envFile", "cannot read %s: %s", jsondoc.Quote(shown), file.Reason)
		return
	}
	values, problems := vars.ParseDotenv(jsondoc.Shorten(shown), file.Bytes)
	for _, p := range problems {
		if p.Severity == jsondoc.Error {
			x.fail("envFile", "%s", p.String())
		}
	}
	x.envFile = values
}

// file is what was read of a file that the entry names.
func (x *expander) file(path string) File {
	x.files = append(x.files, path)
	file, known := x.env.Files[path]
	switch {
	case !known:
		x.unread = append(x.unread, path)
		return File{Reason: "it has not been read yet"}
	case len(file.Bytes) > jsondoc.MaxFileBytes:
		return File{Reason: fmt.Sprintf("it is larger than %d bytes", jsondoc.MaxFileBytes)}
	}
	return file
}
