//go:build unix

package find_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/find"
)

// crowd is 100 servers with 20 tools each.
func crowd() []*find.Docs {
	var out []*find.Docs
	for i := range 100 {
		s := find.Server{Name: fmt.Sprintf("server-%d", i), Description: "Does what servers do."}
		for j := range 20 {
			t := house[(i+j)%len(house)]
			s.Tools = append(s.Tools, find.Tool{
				Name: fmt.Sprintf("%s_%d_%d", t.name, i, j), Description: fmt.Sprintf("%s Number %d of word%d. It takes a path and a limit and returns a list.", t.about, j, i*j),
				Params: []find.Param{{"path", "Where to look."}, {"limit", "How many at most."}},
			})
		}
		out = append(out, find.Read(s))
	}
	return out
}

// spent reports, when the function that it returns is called, how much processor
// time each operation took: on a busy machine that says more than the clock.
func spent(b *testing.B) (report func()) {
	b.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() {
		b.Helper()
		b.ReportMetric(float64((used()-before).Microseconds())/float64(b.N), "cpu-µs/op")
	}
}

func BenchmarkIndex(b *testing.B) {
	var x *find.Index
	before := heap()
	defer spent(b)()
	for b.Loop() {
		x = find.New(crowd())
	}
	b.ReportMetric(float64(heap()-before)/(1<<20), "MiB-kept")
	runtime.KeepAlive(x)
}

// heap is what is in use of it, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkView is what the first search of one more agent costs.
func BenchmarkView(b *testing.B) {
	x := find.New(crowd())
	defer spent(b)()
	for b.Loop() {
		x.View(func(_, tool string) bool { return len(tool)%5 > 0 })
	}
}

func BenchmarkMerge(b *testing.B) {
	docs := crowd()
	defer spent(b)()
	for b.Loop() {
		find.New(docs)
	}
}

func BenchmarkSearch(b *testing.B) {
	v := find.New(crowd()).View(func(_, _ string) bool { return true })
	for _, q := range []string{"show me the branches", "delte_brnch of the repositry", "git_commit"} {
		b.Run(q, func(b *testing.B) {
			defer spent(b)()
			for b.Loop() {
				v.Search(q, "", 10)
			}
		})
	}
}
