package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// The flags and variables of the manifests for Kubernetes are those that "run" has.
func TestManifests_useFlagsAndVariablesThatThereAre(t *testing.T) {
	flag := regexp.MustCompile(`(?m)^ +- (--[a-z-]+=[^ \n]*|--[a-z-]+)(?: #.*)?$`)
	variable := regexp.MustCompile(`name: (GATEWAY_[A-Z_]+)`)
	run, _, err := newRoot().Find([]string{"run"})
	if err != nil {
		t.Fatal(err)
	}
	var known strings.Builder // What the flags say of variables.
	run.Flags().VisitAll(func(f *pflag.Flag) { known.WriteString(f.Usage + "\n") })
	for _, name := range []string{"gatehouse.yaml", "fleet.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "kubernetes", name))
		if err != nil {
			t.Fatal(err)
		}
		_, args, ok := strings.Cut(string(text), "- run\n")
		args, _, _ = strings.Cut(args, "volumeMounts:")
		flags := flag.FindAllStringSubmatch(args, -1)
		if !ok || len(flags) < 5 {
			t.Fatalf("%s: got the flags %v, want those of run", name, flags)
		}
		for _, m := range flags {
			if err := run.ParseFlags([]string{m[1]}); err != nil {
				t.Errorf("%s: got %v, want flags that there are", name, err)
			}
		}
		for _, m := range variable.FindAllStringSubmatch(args, -1) {
			if !strings.Contains(known.String(), "["+m[1]+"]") {
				t.Errorf("%s: got the variable %s, want one that a flag names", name, m[1])
			}
		}
	}
}
