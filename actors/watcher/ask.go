package watcher

import (
	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/messages"
)

// ask asks the keyring for the variables that a list names. A keyring may be silent, so
// no read waits for it but those of the files that depend on the answer.
func (w *watcher) ask(c actor.Context, list messages.ConfigChanged) {
	root, self, run, asked := c.ActorSystem().Root, c.Self(), w.run, make(chan struct{})
	w.asked = asked
	go func() { // Ends with its answer; end waits for it.
		defer close(asked)
		list.Stored = w.cfg.Stored(list.Content)
		root.Send(self, answered{run, list})
	}()
}

// answered passes on what the keyring has answered.
func (w *watcher) answered(c actor.Context, m answered) {
	if m.run != w.run {
		return
	}
	w.asked = nil
	w.send(c, m.change)
	w.turn(c)
}
