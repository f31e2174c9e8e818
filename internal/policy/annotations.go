package policy

import (
	"slices"
	"strings"

	"gatehouse/internal/rawjson"
)

// Annotations are what a server says of how a tool behaves: its own word, and not
// proof. The zero Annotations are those of a tool whose definition is not known.
type Annotations uint8

// The annotations. Known is set if the definition is known.
const (
	Known Annotations = 1 << iota
	ReadOnly
	Destructive
	Idempotent
	OpenWorld
)

// negation before an annotation in a rule matches the tools that lack it.
const negation = "!"

var annotationNames = []struct {
	name string
	bit  Annotations
}{
	{"@readOnly", ReadOnly},
	{"@destructive", Destructive},
	{"@idempotent", Idempotent},
	{"@openWorld", OpenWorld},
}

// AnnotationRules lists what a rule for tools may say of annotations.
func AnnotationRules() []string {
	var list []string
	for _, a := range annotationNames {
		list = append(list, a.name, negation+a.name)
	}
	return list
}

// IsAnnotation reports whether a rule for tools matches by annotation: "@readOnly",
// "@destructive", "@idempotent" or "@openWorld", or one of them after "!".
func IsAnnotation(pattern string) bool {
	_, ok := parseAnnotation(pattern, none)
	return ok
}

// annotation is a rule that matches by annotation.
type annotation struct {
	bit Annotations
	not bool
	ord int32
}

func parseAnnotation(pattern string, ord int32) (annotation, bool) {
	name, not := strings.CutPrefix(pattern, negation)
	for _, a := range annotationNames {
		if a.name == name {
			return annotation{bit: a.bit, not: not, ord: ord}, true
		}
	}
	return annotation{}, false
}

// matches reports whether the rule matches a tool. One whose definition is not
// known matches each deny and no allow.
func (r annotation) matches(a Annotations, denies bool) bool {
	if a&Known == 0 {
		return denies
	}
	return (a&r.bit != 0) != r.not
}

// AnnotationsOf reads a tool's definition. What it does not say counts as the
// specification's defaults have it: not read-only, destructive unless it is
// read-only, not idempotent, open world. Values that are not true or false say
// nothing. A definition whose annotations can be read in two ways counts as not
// known.
func AnnotationsOf(definition []byte) Annotations {
	if rawjson.First(definition) != '{' || rawjson.Misnamed(definition, "annotations") != nil {
		return 0
	}
	said := rawjson.Get(definition, "annotations")
	if rawjson.First(said) != '{' {
		said = nil
	} else if rawjson.Misnamed(said, "readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint") != nil {
		return 0
	}
	return AnnotationsBy(func(hint string) (value, given bool) {
		text := string(rawjson.Get(said, hint))
		return text == "true", text == "true" || text == "false"
	})
}

// AnnotationsBy makes the annotations of a known definition of its hints; hint returns
// one's value, and whether it is given as true or false.
func AnnotationsBy(hint func(name string) (value, given bool)) Annotations {
	a := Known
	set := func(bit Annotations, name string, byDefault bool) {
		if value, given := hint(name); given && value || !given && byDefault {
			a |= bit
		}
	}
	set(ReadOnly, "readOnlyHint", false)
	set(Destructive, "destructiveHint", a&ReadOnly == 0)
	set(Idempotent, "idempotentHint", false)
	set(OpenWorld, "openWorldHint", true)
	return a
}

// AnnotationsSaid are those of a known definition that says what is listed, each as
// rules write it. ok is false if one is not an annotation, or two contradict each
// other.
func AnnotationsSaid(list []string) (a Annotations, ok bool) {
	said := map[Annotations]bool{}
	for _, text := range list {
		r, known := parseAnnotation(text, none)
		if value, twice := said[r.bit]; !known || twice && value == r.not {
			return 0, false
		}
		said[r.bit] = !r.not
	}
	bits := map[string]Annotations{"readOnlyHint": ReadOnly, "destructiveHint": Destructive, "idempotentHint": Idempotent, "openWorldHint": OpenWorld}
	return AnnotationsBy(func(hint string) (value, given bool) {
		value, given = said[bits[hint]]
		return value, given
	}), true
}

// String lists the annotations as rules write them, with "!" before those that a
// tool lacks; "unknown" if its definition is not known.
func (a Annotations) String() string {
	if a&Known == 0 || int(a) >= len(annotationTexts) {
		return "unknown"
	}
	return annotationTexts[a]
}

// annotationTexts has a text for each known set: records of calls need them.
var annotationTexts = func() (texts [OpenWorld << 1]string) {
	for a := range texts {
		texts[a] = Annotations(a).texts(ReadOnly | Destructive | Idempotent | OpenWorld)
	}
	return texts
}()

// texts lists some of the annotations.
func (a Annotations) texts(some Annotations) string {
	var words []string
	for _, n := range annotationNames {
		if some&n.bit == 0 {
			continue
		}
		if a&n.bit == 0 {
			words = append(words, negation+n.name)
		} else {
			words = append(words, n.name)
		}
	}
	return strings.Join(words, " ")
}

// ParseAnnotations reads what String has written; anything else is unknown.
func ParseAnnotations(text string) Annotations {
	for a := Known; a < OpenWorld<<1; a++ {
		if a&Known != 0 && a.String() == text {
			return a
		}
	}
	return 0
}

// UsesAnnotations reports whether any rule matches by annotation, so that
// decisions about tools depend on their definitions.
func (p *Policy) UsesAnnotations() bool { return p.usesAnnotations }

func listsAnnotations(a Access) bool {
	return slices.ContainsFunc(a.Tools, func(t ServerRules) bool {
		return slices.ContainsFunc(t.Rules, func(r Rule) bool { return IsAnnotation(r.Pattern) })
	})
}
