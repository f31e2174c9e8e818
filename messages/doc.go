// Package messages is what the actors say to each other: data only.
//
// Commands are imperative and go down the tree, events are past tense and go
// out on the actor system's event stream, questions end in Query and get the
// matching Reply. Messages are values; what they point to is immutable or, in
// the case of an endpoint cell, made for sharing.
//
//	who        → whom        message            what for
//	watcher    → config      ConfigChanged      a watched file has new bytes, or none
//	watcher    → config      FileUnreadable     ... it cannot be read for now
//	config     → watcher     WatchFiles         the files that entries refer to
//	watcher    → config      WatcherReady       wants WatchFiles
//	cmd        → watcher     Rescan             look now (SIGHUP, operator)
//	cmd        → config      RestartServer      a fresh start (operator)
//	cmd        → config      ReleaseServer      the end of a hold or of a wait (operator)
//	cmd        → config      HoldServer         stop it and keep it stopped (operator)
//	config     → cmd         OperateReply       ... done, or why not
//	cmd        → config      SettleQuery        answer once all is in force
//	config     → cmd         SettleReply        ... it is
//	config     → gateway     ReplaceSnapshot    a new generation decides from now on
//	gateway    → config      SnapshotReplaced   ... and it does
//	config     → supervisor  ApplyDiff          servers to start, keep, drain
//	config     → supervisor  LiftBlocks         no caller is refused any more (operator)
//	gateway    → supervisor  WakeServer         a call wants a lazy server
//	gateway    → supervisor  RefreshTools       a call names a tool that is not listed
//	server     → supervisor  EndInstance        nobody has called this instance for long
//	config     → supervisor  EndInstance        this one has failed (operator)
//	supervisor → server      StartServer        begin (a lazy one), or begin again
//	supervisor → server      RefreshTools       read tools/list again
//	supervisor → server      SettingsChanged    look at the plan's settings again
//	cmd        → supervisor  StopServers        shutdown: stop them all, in parallel
//	supervisor → cmd         ServersStopped     every server actor has ended
//	supervisor → fleet       WantOwner           a server that a fleet runs once is to run
//	supervisor → fleet       Awaited             ... a call waits for it
//	supervisor → fleet       Unwanted            ... it is not to run any more
//	supervisor → fleet       ServerState         what has become of one that this gateway owns
//	supervisor → fleet       Released            nothing of it runs here any more
//	fleet      → supervisor  OwnedHere           run it, by this claim
//	fleet      → supervisor  OwnedThere          another gateway runs it, and how it fares
//	fleet      → supervisor  GiveUp              drain it: another gateway shall run it
//	fleet      → supervisor  TenureLost          kill what runs by claims
//	supervisor → fleet       TenureLeft          ... nothing of it is left
//	fleet      → config      FleetChanged        what the fleet has agreed on
//	fleet      → config      CandidateQuery      could you follow this?
//	config     → fleet       CandidateReply      ... problems, and what variables mean here
//	config     → fleet       InForce             what was agreed on decides here now
//	config     → fleet       CannotFollow        ... or does not, and why
//	config     → fleet       HoldLapsed          the time of a hold is over
//	all        → event stream  events.go        what the journal logs
//
// # The event stream
//
// What it promises:
//
//   - Publish calls every subscriber, one after the other, in the publisher's
//     goroutine, and returns when all have returned. When it returns, every
//     subscriber has seen the event.
//   - Events of one publisher reach each subscriber in the order in which they
//     were published.
//   - A subscriber may publish, subscribe and unsubscribe while it is called.
//
// What it asks of subscribers: they must not block, because an actor that
// publishes waits for them, and they must not panic, because that would be the
// publisher's failure. They are called from many goroutines at once. A
// subscriber that has work to do sends a message to an actor, as the journal
// does.
//
// What not to assume:
//
//   - Events of different publishers have no order, and two subscribers may see
//     them in different ones.
//   - Nothing is kept: who subscribes later has missed what was published before.
//   - Unsubscribe does not wait: one last call may come after it has returned.
package messages
