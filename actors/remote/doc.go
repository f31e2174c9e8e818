// Package remote is the actor that stands in for a server that another gateway of the
// fleet runs: it has the server's cell show what the owner says of it, and callers
// reach the server through a session with the owner.
//
// It owns these sessions and nothing that runs. It hears OwnedThere, StartServer,
// RefreshTools, SettingsChanged and its own messages: a session was opened or not, has
// ended, tools were listed, it is time to try again. Those of an earlier attempt are
// dropped.
//
// It never restarts the server and judges no failure: that is the owner's. When its
// session ends it shows the server as starting, and tries again for as long as the
// owner says that the server is ready.
//
// A restart, which only a bug can cause, leaves it with nothing; the supervisor stops it
// instead, and makes another one with the next news.
package remote
