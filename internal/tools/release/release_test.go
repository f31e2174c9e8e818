package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var stamp = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

func TestPack_equalFiles_makeEqualBytes(t *testing.T) {
	files := []file{
		{name: "gatehouse", data: []byte("program"), mode: 0o755},
		{name: "licenses/example.com/m@v1.2.3/LICENSE", data: []byte("free"), mode: 0o644},
	}
	for _, name := range []string{"gatehouse-linux-amd64.tar.gz", "gatehouse-windows-amd64.zip"} {
		first, err := pack(name, files, stamp)
		if err != nil {
			t.Fatal(err)
		}
		second, err := pack(name, files, stamp.In(time.FixedZone("elsewhere", 3600)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Errorf("%s: two archives of the same files differ, want the same bytes", name)
		}
	}
}

func TestLicences_ofAModuleWithoutOne_areAnError(t *testing.T) {
	m := module{Path: "example.com/m", Version: "v1.0.0", Dir: t.TempDir()}
	write := func(name string) {
		if err := os.WriteFile(filepath.Join(m.Dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("NOTICE")
	write("license_test.go")
	if got, err := licencesOf(m); err == nil || !strings.Contains(err.Error(), "example.com/m v1.0.0 has no licence") {
		t.Errorf("got %v, %v, want an error that names the module", got, err)
	}
	write("LICENSE.txt")
	got, err := licencesOf(m)
	if err != nil || len(got) != 2 || got[0].name != "licenses/example.com/m@v1.0.0/LICENSE.txt" {
		t.Errorf("got %v, %v, want the licence and the notice", got, err)
	}
}

func TestSums_areWhatSha256sumReads(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeSums(dir, []string{"b"}); err != nil {
		t.Fatal(err)
	}
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n"
	if got, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS")); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestPlatform_thatIsNone_isAnError(t *testing.T) {
	for _, name := range []string{"", "linux", "linux/", "/amd64"} {
		if p, err := parsePlatform(name); err == nil {
			t.Errorf("%q: got %v, want an error", name, p)
		}
	}
}
