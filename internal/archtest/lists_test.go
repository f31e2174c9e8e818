package archtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestRooms_areThePackagesThatExist(t *testing.T) {
	var packages, listed []string
	for _, s := range sources(t) {
		packages = append(packages, s.dir)
	}
	for _, r := range rooms(t) {
		if r.folder == "docs" {
			continue // The one room without Go files.
		}
		if slices.Contains(listed, r.folder) {
			t.Errorf("docs/ARCHITECTURE.md lists the room %s twice, want once", r.folder)
		}
		if r.purpose == "" {
			t.Errorf("docs/ARCHITECTURE.md does not say what the room %s is for", r.folder)
		}
		listed = append(listed, r.folder)
	}
	compare(t, "the rooms of docs/ARCHITECTURE.md", listed, "the folders with Go files", packages)
}

func TestVocabulary_packagesExist(t *testing.T) {
	for _, dir := range vocabulary {
		if !slices.ContainsFunc(rooms(t), func(r room) bool { return r.folder == dir }) {
			t.Errorf("%s is no room of docs/ARCHITECTURE.md: mend its name in the list", dir)
		}
	}
}

func TestLinter_knowsThePurePackages(t *testing.T) {
	rule, ok := linterRules(t)["pure"]
	if !ok {
		t.Fatal(".golangci.yml has no depguard rule \"pure\"")
	}
	compare(t, "the files of the rule \"pure\" in .golangci.yml", rule.folders, "the pure rooms of docs/ARCHITECTURE.md", pure(t))
	for _, path := range impure {
		if !slices.ContainsFunc(rule.deny, func(d string) bool { return path == strings.TrimSuffix(d, "$") || strings.HasPrefix(path, d+"/") }) {
			t.Errorf("the rule \"pure\" in .golangci.yml does not deny %s", path)
		}
	}
	var names []string
	for _, dir := range pure(t) {
		names = append(names, strings.TrimPrefix(dir, "internal/"))
	}
	if want := "path-except: ^internal/(" + strings.Join(names, "|") + ")/\n"; !strings.Contains(linter(t), want) {
		t.Errorf(".golangci.yml forbids the clock in other packages than the pure ones: it lacks the line\n%s", want)
	}
}

func TestLinter_knowsTheHomesOfLibraries(t *testing.T) {
	rules := linterRules(t)
	for _, home := range homes {
		if slices.Equal(home.folders, []string{"testkit"}) {
			continue // This package says so; the linter need not.
		}
		found := false
		for name, rule := range rules {
			if !rule.except || !slices.Contains(rule.deny, home.library) {
				continue
			}
			found = true
			compare(t, "the files of the rule \""+name+"\" in .golangci.yml", rule.folders, "the homes of "+home.library, home.folders)
		}
		if !found {
			t.Errorf(".golangci.yml has no depguard rule that keeps %s in %s", home.library, strings.Join(home.folders, ", "))
		}
	}
}

// linterRule is one rule of depguard.
type linterRule struct {
	folders []string // whose files it is for
	except  bool     // it is for all others
	deny    []string
}

func linter(t *testing.T) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(repository(t), ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

var (
	ruleName    = regexp.MustCompile(`(?m)^        ([a-z-]+):\n`)
	rulePattern = regexp.MustCompile(`"(!?)\*\*/([^"*]+)/(?:\*\*|\*\.go)"`)
	ruleDenied  = regexp.MustCompile(`pkg: ([^,\s}]+)`)
)

// linterRules reads the rules of depguard, by name. It knows the layout that
// our file has, and no more of YAML.
func linterRules(t *testing.T) map[string]linterRule {
	t.Helper()
	_, text, _ := strings.Cut(linter(t), "\n    depguard:\n      rules:\n")
	text, _, _ = strings.Cut(text, "\n\n")
	found := ruleName.FindAllStringSubmatchIndex(text, -1)
	rules := map[string]linterRule{}
	for i, at := range found {
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		var rule linterRule
		body := text[at[1]:end]
		for _, m := range rulePattern.FindAllStringSubmatch(body, -1) {
			rule.folders, rule.except = append(rule.folders, m[2]), m[1] == "!"
		}
		for _, m := range ruleDenied.FindAllStringSubmatch(body, -1) {
			rule.deny = append(rule.deny, m[1])
		}
		rules[text[at[2]:at[3]]] = rule
	}
	if len(rules) < 10 {
		t.Fatalf("found only %d rules of depguard in .golangci.yml: has its layout changed?", len(rules))
	}
	return rules
}

// compare fails with what one list has and the other lacks.
func compare(t *testing.T, oneName string, one []string, otherName string, other []string) {
	t.Helper()
	lacks := func(list, of []string) []string {
		missing := slices.DeleteFunc(slices.Clone(of), func(s string) bool { return slices.Contains(list, s) })
		slices.Sort(missing)
		return slices.Compact(missing)
	}
	if missing := lacks(one, other); len(missing) > 0 {
		t.Errorf("%s: missing %s, which is among %s", oneName, strings.Join(missing, ", "), otherName)
	}
	if missing := lacks(other, one); len(missing) > 0 {
		t.Errorf("%s: %s is not among %s", oneName, strings.Join(missing, ", "), otherName)
	}
}
