// Package audit writes who asked for what, and what was decided, as one JSON
// object per line.
//
// # What it promises, in order
//
//   - Append never waits for the disk: a record goes into a bounded queue, from
//     which one goroutine writes.
//   - Lines are written whole, many with one write. A line that the disk took
//     only in part is finished before anything else is written.
//   - Loss is never silent. Records that find the queue full, that come after
//     Close, or that cannot be written are counted by Lost and logged, at most
//     once a second (and a last time by Close). They use up their number: the numbers of an instance's
//     records, written and lost together, have no gaps, so a gap in the file is
//     a loss.
//   - Every line is valid JSON, whatever agents put into a text: texts are cut
//     at 1 KiB and control characters escaped.
//
// # What it does not promise
//
// A line that was written may still be lost if the machine fails: nothing is
// synced to disk, and the file is not rotated. Lines come in the order of
// their numbers, which is the order of Append, not of Timestamp.
//
// Several gateways may append to the same file; "instance" tells them apart.
package audit
