package gateway

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/snapshot"
	"gatehouse/messages"
)

// Props makes the gateway's actor, the one writer of store.
func Props(store *snapshot.Store, log *slog.Logger) *actor.Props {
	return actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case messages.ReplaceSnapshot:
			store.Replace(m.Snapshot)
			c.Respond(messages.SnapshotReplaced{Generation: m.Snapshot.Generation})
		case actor.SystemMessage, actor.AutoReceiveMessage:
		default:
			log.Debug("unknown message", slog.String("actor", c.Self().Id), slog.Any("message", m))
		}
	})
}
