// Package gateway is the barrier between configuration and calls: its actor is
// the one writer of the snapshot store. It replaces the current snapshot when
// it hears ReplaceSnapshot, and answers SnapshotReplaced once every later call
// is decided by the new one. It does nothing else; internal/front answers the
// calls.
//
// A restart of it means nothing to anybody: the pointer stays.
package gateway
