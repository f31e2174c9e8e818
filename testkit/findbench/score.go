package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/find"
)

// score is how well the questions of a set were answered, each 0 to 1.
type score struct{ first, five, mrr, weak float64 }

// scores prints a line for each set of pairs, and one for their mean.
func scores(w io.Writer, sets []*set, without find.Rule) {
	var mean score
	n := 0.0
	for _, s := range sets {
		if len(s.Pairs) == 0 {
			continue
		}
		got := s.score(without)
		n++
		mean = score{mean.first + got.first, mean.five + got.five, mean.mrr + got.mrr, mean.weak + got.weak}
		if without == "" {
			line(w, s.name, len(s.Pairs), got)
		}
	}
	if n == 0 {
		return
	}
	name := "mean"
	if without != "" {
		name = "without " + string(without)
	}
	line(w, name, 0, score{mean.first / n, mean.five / n, mean.mrr / n, mean.weak / n})
}

func line(w io.Writer, name string, questions int, s score) {
	fmt.Fprintf(w, "%s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\n", name, questions, s.first, s.five, s.mrr, s.weak)
}

func (s *set) score(without find.Rule) score {
	v := s.view(without)
	var sum score
	for _, p := range s.Pairs {
		r := v.Search(p.Q, "", 10)
		at := slices.IndexFunc(r.Hits, func(h find.Hit) bool { return p.Right[h.Server+"/"+h.Tool] > 0 })
		if at < 0 {
			continue
		}
		sum.mrr += 1 / float64(at+1)
		if at < 5 {
			sum.five++
		}
		if at == 0 {
			sum.first++
			if !r.Fits {
				sum.weak++
			}
		}
	}
	n := float64(len(s.Pairs))
	return score{sum.first / n, sum.five / n, sum.mrr / n, sum.weak / n}
}

// kinds asks the questions of several kinds and prints how many of each were
// answered well, and the others.
func kinds(s *set, sets []*set) {
	home := strings.Replace(s.name, "kinds", "live", 1)
	at := slices.IndexFunc(sets, func(o *set) bool { return o.name == home })
	if at < 0 {
		fmt.Printf("%s asks the servers of %s, which is not there\n", s.name, home)
		return
	}
	v := sets[at].view("")
	good, all := map[string]int{}, map[string]int{}
	for _, q := range s.Questions {
		all[q.Kind]++
		if r := v.Search(q.Q, "", 10); q.answered(r) {
			good[q.Kind]++
		} else {
			fmt.Printf("missed: %s %q: fits %v, %v\n", q.Kind, q.Q, r.Fits, r.Hits[:min(3, len(r.Hits))])
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		fmt.Printf("%s: %d of %d\n", kind, good[kind], all[kind])
	}
}

// answered reports whether a result is a good answer to the question.
func (q question) answered(r find.Result) bool {
	if q.None {
		return !r.Fits
	}
	for _, h := range r.Hits[:min(q.K, len(r.Hits))] {
		if h.Server+"/"+h.Tool == q.Before {
			return false
		}
		if slices.Contains(q.Right, h.Server+"/"+h.Tool) || slices.Contains(q.Right, h.Server+"/*") {
			return r.Fits
		}
	}
	return false
}
