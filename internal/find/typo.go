package find

const (
	// minMended is the shortest word in bytes whose typos are mended: shorter
	// ones are near to too much.
	minMended = 4
	// farMended is the shortest word that may have two typos.
	farMended = 8
	// maxMended is how many words a typo may stand for.
	maxMended = 3
)

// mend returns the words that a word which no visible tool has was probably
// meant to be: the nearest, or two that were written as one.
func (v *View) mend(word string) []string {
	if len(word) < minMended || !isASCII(word) {
		return nil
	}
	if two := v.cut(word); two != nil {
		return two
	}
	most := 1
	if len(word) >= farMended {
		most = 2
	}
	var near []string
	for _, w := range v.x.vocab {
		if abs(len(w)-len(word)) > most || w[0] != word[0] || !v.knows(w) {
			continue
		}
		switch d := distance(word, w, most); {
		case d < most:
			near, most = append(near[:0], w), d
		case d == most:
			near = append(near, w)
		}
	}
	return near[:min(len(near), maxMended)]
}

// cut finds two visible words that were written as one: barchart.
func (v *View) cut(word string) []string {
	for i := 3; i <= len(word)-3; i++ {
		if v.knows(word[:i]) && v.knows(word[i:]) {
			return []string{word[:i], word[i:]}
		}
	}
	return nil
}

// distance is how many letters must be changed, added, left out or swapped
// with a neighbour to make b of a; most+1 if it is more than most.
func distance(a, b string, most int) int {
	var rows [3][maxWord + 1]int
	two, one, here := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		one[j] = j
	}
	for i := 1; i <= len(a); i++ {
		here[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			differs := 1
			if a[i-1] == b[j-1] {
				differs = 0
			}
			d := min(one[j]+1, here[j-1]+1, one[j-1]+differs)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, two[j-2]+1)
			}
			here[j] = d
			least = min(least, d)
		}
		if least > most {
			return most + 1
		}
		two, one, here = one, here, two
	}
	return one[len(b)]
}

func abs(n int) int { return max(n, -n) }

// joined returns words that a visible tool writes as one and the question as two,
// the word at i and a neighbour: "bar chart" for barchart.
func (v *View) joined(all []string, i int) []string {
	var out []string
	for at := max(i-1, 0); at <= i && at+1 < len(all); at++ {
		if one := all[at] + all[at+1]; len(one) >= minMended && isASCII(one) && v.knows(one) {
			out = append(out, one)
		}
	}
	return out
}
