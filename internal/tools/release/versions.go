package main

import (
	"regexp"
	"strings"
)

// versions is one version as each kind of package writes it.
type versions struct {
	semver string // npm, and whatever else takes semantic versions
	system string // deb and rpm
	python string // PEP 440
}

var (
	described  = regexp.MustCompile(`^v?(\d+\.\d+\.\d+)(?:-(.+))?$`)
	commits    = regexp.MustCompile(`^\d+-g[0-9a-f]+`) // since a tag
	prerelease = regexp.MustCompile(`^(alpha|beta|rc)\.?(\d+)$`)
	noWord     = regexp.MustCompile(`[^0-9A-Za-z]+`)
)

// versionsOf reads what git describes: a tag, a tag and the commits since, or a
// commit without any tag.
func versionsOf(text string) versions {
	m := described.FindStringSubmatch(text)
	if m == nil {
		m = []string{"", "0.0.0", "dev-" + text}
	}
	core, rest := m[1], strings.Trim(noWord.ReplaceAllString(m[2], "."), ".")
	pre := prerelease.FindStringSubmatch(m[2])
	switch {
	case rest == "":
		return versions{core, core, core}
	case commits.MatchString(m[2]):
		return versions{core + "-" + dotted(rest), core + "+" + rest, core + "+" + rest}
	case pre != nil:
		return versions{core + "-" + rest, core + "~" + rest, core + map[string]string{"alpha": "a", "beta": "b", "rc": "rc"}[pre[1]] + pre[2]}
	}
	return versions{core + "-" + dotted(rest), core + "~" + rest, core + ".dev0+" + rest}
}

// dotted makes each word one that semantic versions take: a number has no leading
// zero there.
func dotted(rest string) string {
	words := strings.Split(rest, ".")
	for i, w := range words {
		if len(w) > 1 && w[0] == '0' && strings.Trim(w, "0123456789") == "" {
			words[i] = "g" + w
		}
	}
	return strings.Join(words, ".")
}
