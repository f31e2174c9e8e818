package watcher

import "slices"

// job is one read to come.
type job struct {
	Due
	// forced means that what is read is sent even if it is known.
	forced bool
}

// queue holds the reads to come, each file at most once. What others depend
// on comes first, so no servers file is read before rules that wait too.
// It is a value, as Debouncer is.
type queue struct{ jobs []job }

// push adds a read; one of the same file that waits already takes it over.
func (q queue) push(j job) queue {
	q.jobs = slices.Clone(q.jobs)
	at, found := slices.BinarySearchFunc(q.jobs, j.ID, func(j job, id FileID) int { return compareIDs(j.ID, id) })
	if !found {
		q.jobs = slices.Insert(q.jobs, at, j)
		return q
	}
	waiting := &q.jobs[at]
	if j.forced {
		waiting.Trigger = j.Trigger
	}
	waiting.forced = waiting.forced || j.forced
	waiting.Early = waiting.Early && j.Early
	return q
}

// pop takes out the next read of those that need not wait.
func (q queue) pop(waits func(job) bool) (queue, job, bool) {
	at := slices.IndexFunc(q.jobs, func(j job) bool { return !waits(j) })
	if at < 0 {
		return q, job{}, false
	}
	return queue{slices.Delete(slices.Clone(q.jobs), at, at+1)}, q.jobs[at], true
}
