package gate

import (
	"strings"
	"unicode"

	"gatehouse/internal/textcut"
)

// maxSentence is how much of a description stands for all of it, in bytes.
const maxSentence = 160

// firstSentence returns the first sentence of a description, on one line.
func firstSentence(text string) string {
	text = oneLine(firstLine(text))
	for i, r := range text {
		if strings.ContainsRune("。！？", r) {
			text = text[:i] + string(r)
			break
		}
		if strings.ContainsRune(".!?", r) && (i+1 == len(text) || text[i+1] == ' ') && !abbreviated(text[:i]) {
			text = text[:i+1]
			break
		}
	}
	return textcut.Marked(text, maxSentence)
}

// abbreviated reports whether a full stop behind the text ends an abbreviation,
// and no sentence.
func abbreviated(before string) bool {
	word := before[strings.LastIndexAny(before, " (")+1:]
	return strings.Contains(word, ".") || len(word) == 1 && unicode.IsLetter(rune(word[0])) || strings.EqualFold(word, "etc") || strings.EqualFold(word, "vs")
}

// firstLine returns the first line that says something.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// oneLine puts a space in the place of everything that is not to be seen.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}
