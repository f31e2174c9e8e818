// Package metrics says in the words of Prometheus how a gateway does. It counts
// calls and events itself, by bounded sets of labels; all else it reads from the
// status when it is asked.
package metrics
