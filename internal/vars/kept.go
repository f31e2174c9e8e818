package vars

import (
	"strings"

	"gatehouse/internal/jsondoc"
)

// Codes of the problems of a list of variables in the keyring.
const (
	codeKeptLine  = "keyring-bad-line"
	codeKeptTwice = "keyring-duplicate"
)

// MaxKeptName is how long the name of a variable in the keyring may be, in bytes.
const MaxKeptName = 255

// Kept is a variable whose value a keyring has.
type Kept struct {
	Name string
	// Item is what the value is called in the keyring. Each value has an item of its
	// own, so the same item is the same value.
	Item string
}

// Stored is what a keyring answers about a variable.
type Stored struct {
	Item  string
	Value string
	// Why says why there is no value, and what to do; empty if there is one.
	Why string
	// Gone is set if the keyring has no such item, or one that cannot be a value; else it
	// may have it and does not answer.
	Gone bool
}

// ParseKept reads the bytes of a list of variables in the keyring: lines of NAME ITEM;
// empty lines and lines that begin with # are skipped. There are none if there is an
// Error.
func ParseKept(file string, src []byte) ([]Kept, []jsondoc.Problem) {
	r := jsondoc.NewReport(file)
	text, ok := jsondoc.ReadText(r, src)
	if !ok {
		return nil, r.Finish()
	}
	var list []Kept
	known, offset := map[string]bool{}, 0
	for l := range strings.Lines(string(text.Bytes)) {
		at := text.Position(offset)
		offset += len(l)
		words := strings.Fields(l)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		switch name := words[0]; {
		case len(words) != 2 || !IsName(name) || !isItem(words[1]):
			r.Add(at, jsondoc.Error, "", codeKeptLine, `take the line out, and set the variable again with "gatehouse variable set"`, "the line is not the name of a variable and of its item in the keyring")
		case known[name]:
			r.Add(at, jsondoc.Error, name, codeKeptTwice, "take one of the lines out", "the variable is listed twice")
		default:
			list = append(list, Kept{name, words[1]})
			known[name] = true
		}
	}
	problems := r.Finish()
	if jsondoc.HasErrors(problems) {
		return nil, problems
	}
	return list, problems
}

// keptHead begins a list of variables in the keyring.
const keptHead = "# Variables whose values are in the keyring of the system: see \"gatehouse variable --help\".\n"

// FormatKept returns the bytes of a list that ParseKept reads.
func FormatKept(list []Kept) []byte {
	var b strings.Builder
	b.WriteString(keptHead)
	for _, k := range list {
		b.WriteString(k.Name + " " + k.Item + "\n")
	}
	return []byte(b.String())
}

// maxItem is how long the name of an item may be, in bytes.
const maxItem = 64

// isItem reports whether s can be the name of an item.
func isItem(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= maxItem
}
