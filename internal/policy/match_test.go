package policy_test

import (
	"strings"
	"testing"

	"gatehouse/internal/policy"
)

func TestMatchPattern(t *testing.T) {
	cases := []struct {
		pattern string
		yes, no []string
	}{
		{"", []string{""}, []string{"a"}},
		{"query", []string{"query"}, []string{"", "Query", "query ", "xquery", "query*"}},
		{"*", []string{"", "a", "a b\n\x00é", "*"}, nil},
		{"**", []string{"", "a"}, nil},
		{"list_*", []string{"list_", "list_a", "list_*"}, []string{"list", "alist_a", "LIST_a"}},
		{"*_all", []string{"_all", "drop_all"}, []string{"all", "drop_all "}},
		{"a*a", []string{"aa", "aba", "aaa"}, []string{"a", "", "ab", "aab"}},
		{"ab*ba", []string{"abba", "abxba"}, []string{"aba", "ab", "ba"}},
		{"*x*", []string{"x", "axb", "xx"}, []string{"", "ab"}},
		{"*x*x*", []string{"xx", "axbxc"}, []string{"x", "axb"}},
		{"a*b*c", []string{"abc", "aXbYc", "abbc", "abcbc"}, []string{"ac", "acb", "abcd", "cba"}},
		{"a*bc*c", []string{"abcc", "abcbcc"}, []string{"abc"}},
		{
			"get_customer_*_by_identifier",
			[]string{"get_customer_x_by_identifier", "get_customer__by_identifier"},
			[]string{"get_customer_by_identifier", "get_custom_x_by_identifier"},
		},
		{"abcdefgh*", []string{"abcdefgh", "abcdefghi"}, []string{"abcdefg", "abcdefgx"}},
		{"abcdefghi*", []string{"abcdefghi", "abcdefghij"}, []string{"abcdefgh", "abcdefghx"}},
		{"*abcdefghi", []string{"abcdefghi", "xabcdefghi"}, []string{"bcdefghi", "xbcdefghi"}},
		{"a\x00*", []string{"a\x00", "a\x00b"}, []string{"a", "ab"}},
		{"*\x00", []string{"\x00", "a\x00"}, []string{"", "a"}},
		{"é*", []string{"é", "éa"}, []string{"e", "\xc3", "e\u0301"}},
		{"?", []string{"?"}, []string{"a"}},
		{"[ab]*", []string{"[ab]c"}, []string{"a", "ab"}},
		{`\*`, []string{`\`, `\a`}, []string{"*"}},
	}
	for _, c := range cases {
		for _, name := range c.yes {
			if !policy.MatchPattern(c.pattern, name) {
				t.Errorf("%q does not match %q, want a match", c.pattern, name)
			}
		}
		for _, name := range c.no {
			if policy.MatchPattern(c.pattern, name) {
				t.Errorf("%q matches %q, want none", c.pattern, name)
			}
		}
	}
}

// A matcher that backtracks would need longer than the test's own limit here.
func TestMatchPattern_manyStarsDoNotBacktrack(t *testing.T) {
	pattern := strings.Repeat("*a", 2000) + "*b"
	name := strings.Repeat("a", 200_000)
	if policy.MatchPattern(pattern, name) {
		t.Error("matches a name without b")
	}
	if !policy.MatchPattern(pattern, name+"b") {
		t.Error("does not match the name with b")
	}
}
