// Package filewatch notices that watched files may hold something else than
// their owner has read. It is the only home of fsnotify.
//
// In: a set of paths that may change at any time, each with the mark of what
// its owner has read last. Out: notices, each naming one of those paths. A
// notice is a hint and not a fact: the owner waits until the file is quiet,
// reads it with Read, and says with Saw what it has found.
//
// Watching a file itself goes blind when an editor replaces it, so its
// directory is watched; so is the directory of every symbolic link on the way
// to it (that is how a Kubernetes volume changes, and a link that leads out of
// the directory), and where something is missing, the nearest directory that
// exists. A directory that is moved away or removed tells so, and then all of
// this is found out anew.
//
// A slow poll reads every file and compares it with the mark. It finds what
// has no events (network mounts, some overlays, a directory further up that was
// replaced), what was lost when too many came at once, and what happened while
// a watch was being set up. Without a working fsnotify the poll does it all,
// later.
//
// Not promised: that a file is complete, one notice a change, or any order.
// Reading blocks as long as the file system does: a network mount that hangs
// holds up the poll, but not the events.
package filewatch
