package find

import "slices"

// Rule is a part of the ranking that can be left out, to measure what it is
// worth.
type Rule string

// The rules that can be left out.
const (
	Synonyms  Rule = "synonyms"   // "remove" finds delete_file
	Plurals   Rule = "plurals"    // "show the branches" finds list_branches
	Joins     Rule = "joins"      // "bar chart" finds barchart
	Typos     Rule = "typos"      // "delte" finds delete
	Unwanted  Rule = "unwanted"   // "open, not close" finds no close
	Data      Rule = "data"       // "acme7" is nothing to search for
	Places    Rule = "places"     // "list the tables in my database" asks for tables
	Homes     Rule = "homes"      // "puppeteer click" finds that server's
	NameCover Rule = "name cover" // a name said in full is better than one in part
	Spread    Rule = "spread"     // one server has at most five of the first ten
)

// Rules returns all rules that can be left out.
func Rules() []Rule {
	return []Rule{Synonyms, Plurals, Joins, Typos, Unwanted, Data, Places, Homes, NameCover, Spread}
}

// Without returns a view of the same tools that ranks without these rules.
func (v *View) Without(rules ...Rule) *View {
	out := *v
	out.off = slices.Concat(v.off, rules)
	return &out
}

func (v *View) has(r Rule) bool { return !slices.Contains(v.off, r) }
