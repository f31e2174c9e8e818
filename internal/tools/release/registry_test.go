package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// versionsToDescribe are of a tag, of a commit, and of nothing.
var versionsToDescribe = []string{"v1.2.3", "v1.2.3-rc.1", "abc1234-dirty", ""}

// descriptionOf returns the server.json of a version.
func descriptionOf(t *testing.T, version string) []byte {
	t.Helper()
	o := options{out: t.TempDir(), version: version}
	name, err := o.registry()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(o.out, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// registrySchema is the official schema, as the pinned module of the registry holds
// it. It skips the test where that cannot be had.
func registrySchema(t *testing.T, url string) *jsonschema.Schema {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/modelcontextprotocol/registry")
	cmd.Dir = filepath.Join("testdata", "registry")
	out, err := cmd.Output()
	var module struct{ Dir, Error string }
	if json.Unmarshal(out, &module) != nil || err != nil || module.Dir == "" {
		t.Skipf("not tried: the registry's module cannot be had: %v %s", err, module.Error)
	}
	revision, _, _ := strings.Cut(strings.TrimPrefix(url, "https://static.modelcontextprotocol.io/schemas/"), "/")
	text, err := os.ReadFile(filepath.Join(module.Dir, "internal", "validators", "schemas", revision+".json"))
	if err != nil {
		t.Fatalf("the registry has no such schema: %v", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(url, doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile(url)
}

func TestPackages_serverJSON_fitsTheOfficialSchema(t *testing.T) {
	if os.Getenv("GATEHOUSE_DIST") == "" {
		t.Skip("make packages-test reads the schema from the registry's module")
	}
	for _, version := range versionsToDescribe {
		text := descriptionOf(t, version)
		var about serverJSON
		if err := json.Unmarshal(text, &about); err != nil {
			t.Fatal(err)
		}
		schema := registrySchema(t, about.Schema)
		if err := check(schema, text); err != nil {
			t.Errorf("version %q: got %v, want what the schema takes:\n%s", version, err, text)
		}
		for what, bad := range map[string][2]string{
			"another transport": {`"stdio"`, `"pipe"`},
			"a name of no one":  {registryName, "gatehouse"},
		} {
			if check(schema, bytes.ReplaceAll(text, []byte(bad[0]), []byte(bad[1]))) == nil {
				t.Errorf("%s: the schema takes it, want a schema that checks", what)
			}
		}
	}
}

func check(schema *jsonschema.Schema, text []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(doc)
}

// What the registry asks beyond its schema.
func TestServerJSON_saysWhatThePackagesSay(t *testing.T) {
	for _, version := range versionsToDescribe {
		var got serverJSON
		if err := json.Unmarshal(descriptionOf(t, version), &got); err != nil {
			t.Fatal(err)
		}
		if got.Version == "" || strings.ContainsAny(got.Version, "^~><=*") || got.Version == "latest" {
			t.Errorf("got the version %q, want an exact one", got.Version)
		}
		for _, p := range got.Packages {
			if p.Transport.Type != "stdio" || p.Identifier == "" || p.Version == "" {
				t.Errorf("got %+v, want a package over stdio", p)
			}
		}
	}
}

func TestPackages_untilTheNamesAreTheirPublishers_cannotBePublished(t *testing.T) {
	for _, publish := range []bool{false, true} {
		o := options{root: filepath.Join("..", "..", ".."), out: t.TempDir(), version: "v1.2.3", publish: publish}
		p := platform{"linux", "amd64"}
		root, err := o.npmRoot([]platform{p}, stamp)
		if err != nil {
			t.Fatal(err)
		}
		program, err := o.npmPlatform(p, nil, stamp)
		if err != nil {
			t.Fatal(err)
		}
		wheel, err := o.wheel(p, nil, stamp)
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct{ inside, mark string }{
			root: {"package/package.json", `"private": true`}, program: {"package/package.json", `"private": true`},
			wheel: {"gatehouse-1.2.3.dist-info/METADATA", "Classifier: Private :: Do Not Upload\n"},
		} {
			if got := strings.Contains(packed(t, filepath.Join(o.out, name), c.inside), c.mark); got == publish {
				t.Errorf("%s, made to be published: %t; got the mark of what must not be: %t, want the contrary", name, publish, got)
			}
		}
	}
}

// packed returns the text of one file of an archive.
func packed(t *testing.T, archive, inside string) string {
	t.Helper()
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(archive, ".tgz") {
		files, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		text, err := fs.ReadFile(files, inside)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if err != nil {
			t.Fatalf("%s: %v, want %s in it", archive, err, inside)
		}
		if header.Name == inside {
			text, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
}
