package peer

import (
	"context"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// How a wish to hear of a resource, or of a task, is decided about.
const (
	methodSubscribe = "resources/subscribe"
	methodTask      = "tasks/get"
)

// decide refuses a call that the rules of this gateway deny, whatever the one that sent it
// has decided. Where that one is ahead by a generation, this one has its say once it has
// followed, or has not within a short time.
func (s *Server) decide(ctx context.Context, key string, h *head, owned Owned, params []byte) *failure {
	if h.method == methodFollow { // Decided wish by wish.
		return nil
	}
	asked := Asked{Agent: h.by.Agent, Method: h.method, Params: params}
	before := s.cfg.Generation() // It may have followed by the time that the answer is there.
	denied := s.cfg.Decide(key, owned, asked)
	if denied != nil && h.generation > before && reaches(ctx, s.cfg.Generation, h.generation) {
		denied = s.cfg.Decide(key, owned, asked)
	}
	if denied == nil {
		return nil
	}
	return &failure{Kind: kindDenied, Reason: denied.Error(), Generation: s.cfg.Generation(), Step: denied.Step, Rule: denied.Rule}
}

// subscribes reports why nobody may hear of a resource or a task, which a member of the
// params names; nil if somebody may.
func (s *Server) subscribes(key string, owned Owned, method, member, name string) *endpoint.Denied {
	params := rawjson.Set([]byte("{}"), member, rawjson.AppendString(nil, name))
	return s.cfg.Decide(key, owned, Asked{Method: method, Params: params, Hear: true})
}

const (
	// catchUpTime bounds the wait for a generation that another gateway has already.
	catchUpTime = 2 * time.Second
	// catchUpLook is how often it is looked at.
	catchUpLook = 5 * time.Millisecond
)

// reaches waits until a gateway decides by a generation, for a short time, and reports
// whether it does. It does not wait for one that is not ahead.
func reaches(ctx context.Context, now func() uint64, generation uint64) bool {
	ctx, cancel := context.WithTimeout(ctx, catchUpTime)
	defer cancel()
	look := time.NewTicker(catchUpLook)
	defer look.Stop()
	for now() < generation {
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
