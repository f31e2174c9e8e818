// Package server is the actor of one server: one entry of .mcp.json with one
// expanded spec.
//
// It owns the runs of that server, one at a time: the child process or the
// connection, and the session on it. It publishes what callers must know to
// the endpoint cell; callers use the session directly and never wait for this
// actor's mailbox.
//
// It hears StartServer, RefreshTools, SettingsChanged and its own messages (a
// session opened or did not, a session ended, tools were listed, it is time to
// look whether the server lives or is idle). Its own messages carry the number
// of the run that they are about, and stale ones are dropped before anything
// else. Every status goes through the cell's Move, so that news that come too late
// change nothing.
//
// A server that gives no sign of life when asked is hung (probe.go): its session is
// closed, which makes it a failure. One that is not called for long enough is
// put to sleep (idle.go), which is not a failure.
//
// It says what happens as events. A run that ends by itself is a failure: the
// actor panics with *endpoint.Exit, so that supervision decides. A restart of
// the actor is a new run with the same cell. When it is stopped, its run's
// context ends and with it the session and the process; the goroutine of the
// run sees to the end of both, and Reapers knows when.
package server
