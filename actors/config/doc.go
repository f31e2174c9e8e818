// Package config is the actor that turns changed files into generations.
//
// It owns what has been accepted: the servers file, the rules file, the env
// files, and what follows from them, the endpoint cells included. It is the
// only one that makes snapshots.
//
// It hears ConfigChanged from the watcher. Each change is parsed, validated,
// expanded and compared with what is in force, all without effects (book.go):
// the content of every file comes from the watcher, and nothing is read here.
// A change whose entries name files that nobody has read yet waits until the
// watcher has read them, and one with new programs until a goroutine has found
// out whether one of them is the gateway itself; meanwhile other files reload
// on their own (pending.go). A change
// with any error, or without consequence, leaves everything as it is. An accepted one is a new generation: the gateway actor is told to
// replace the snapshot, and once it says that it has, the supervisor gets the
// difference, with the same cells. So no call of the new generation can reach
// an old process, and a removed server is refused before it is drained.
//
// Where the files are a project's, nothing of them is used but what its owner
// has approved (approval.go): other changes are reported as rejected and kept
// until the record of approvals, which comes from the watcher too, has them.
//
// An operator's RestartServer, ReleaseServer and HoldServer go the same way
// (operate.go): each is a generation in which that one server has a fresh
// cell, so all that holds for a changed entry holds for it too. Holds are kept
// here, over reloads, and end by release or when their time is over; a restart
// of this actor, which would be a bug, forgets them.
//
// Every change ends in a ConfigReloaded event.
package config
