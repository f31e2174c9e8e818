// Package front answers the agents' tool calls. Its methods run on the
// caller's goroutine and take no mailbox: a call loads the snapshot once,
// decides, enters the server's endpoint cell and uses the session there.
//
// A call that was refused by a closed cell, or had to wait, was not written:
// it loads the snapshot again and is decided afresh, within its deadline. A
// call of which any byte was written is never sent again.
package front
