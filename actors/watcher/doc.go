// Package watcher is the actor that turns hints about files into settled
// changes.
//
// It owns the file watch (internal/filewatch), one timer, and at most one
// goroutine that reads and one that asks the keyring. It hears WatchFiles (the
// files that entries refer to) and Rescan (look at everything now), and sends
// ConfigChanged to one target, which it asks for WatchFiles by WatcherReady
// whenever it starts.
//
// A hint starts a burst of its file. The file is read once it has been quiet
// for Debounce, at the latest MaxWait after the first hint. What was read is
// sent only if it is something else than what was sent last: so a burst is
// one message, and the same bytes are none. That a file can't be read is sent
// too, once for each reason.
//
// Every file has its own burst, but a servers file that is due while the
// rules file is unsettled waits for it, at the latest until its own MaxWait:
// then the rules are read first as they are. Files are read one after the
// other, in the order in which they were due; a file system that hangs
// therefore holds up all of them. A keyring that is silent doesn't: while it is
// asked for the variables of a list, the rules are read and sent; only the
// servers and lists of variables wait for the answer.
//
// When it stops, its watch, timer and reads end with it. A restart begins
// anew with the files and hashes that it was made with, so the target may
// hear again of a content that it knows.
//
// When to read is decided in debounce.go and which reads come next in
// queue.go, both without effects.
package watcher
