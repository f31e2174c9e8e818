package messages

import (
	"log/slog"

	"gatehouse/internal/snapshot"
)

// ReplaceSnapshot tells the gateway actor which generation decides from now
// on. The answer is SnapshotReplaced, sent once every later load sees it.
type ReplaceSnapshot struct{ Snapshot *snapshot.Snapshot }

// LogValue implements slog.LogValuer.
func (m ReplaceSnapshot) LogValue() slog.Value {
	return slog.GroupValue(slog.Uint64("generation", m.Snapshot.Generation))
}

// SnapshotReplaced answers ReplaceSnapshot.
type SnapshotReplaced struct{ Generation uint64 }

// WatcherReady tells the config actor that its sender watches files and wants
// WatchFiles.
type WatcherReady struct{}
