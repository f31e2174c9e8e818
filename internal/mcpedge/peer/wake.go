package peer

import (
	"context"
	"errors"
	"net/http"
)

// Wake has a gateway claim a lazy server that it can start and nobody owns: a call waits for
// it at a gateway that cannot. It blocks for a few seconds at most, not until the server runs.
//
// Errors: *Unreached; *Denied if that gateway does not do it.
func (c *Client) Wake(ctx context.Context, address, key string) error {
	return c.order(ctx, address, pathOf(wakePath, key), struct{}{})
}

// wake answers Wake.
func (s *Server) wake(w http.ResponseWriter, path string) {
	key, ok := keyOf(wakePath, path)
	if !ok {
		badRequest(w, errBadName)
		return
	}
	err := errors.New("this gateway wakes nothing for others")
	if s.cfg.Wake != nil {
		err = s.cfg.Wake(key)
	}
	if err != nil {
		answerJSON(w, http.StatusConflict, Denied{err.Error()})
		return
	}
	answerJSON(w, http.StatusOK, struct{}{})
}
