package peer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"gatehouse/internal/rawjson"
)

// Move asks the gateway that runs a server to leave it, and its instances, to another.
type Move struct {
	Server string `json:"server"`
	Node   string `json:"node"`
}

// Denied is why a gateway does not do what another one asks it for. Nothing has changed.
type Denied struct {
	Reason string `json:"reason"`
}

func (e *Denied) Error() string { return e.Reason }

// maxMoveBytes limits the body of a Move.
const maxMoveBytes = 64 << 10

// move answers a Move: with an empty object once it has begun, or with why it does not.
func (s *Server) move(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // A test's recorder has none.
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMoveBytes))
	if err != nil {
		badRequest(w, fmt.Errorf("the request does not come whole, or has more than %d bytes", maxMoveBytes))
		return
	}
	var m Move
	if rawjson.Decode(text, &m) != nil || m.Server == "" || m.Node == "" {
		badRequest(w, errors.New(`the request is not {"server": NAME, "node": ID}`))
		return
	}
	if err := s.cfg.Move(m); err != nil {
		answerJSON(w, http.StatusConflict, Denied{err.Error()})
		return
	}
	answerJSON(w, http.StatusOK, struct{}{})
}

// Move asks the gateway at an address for a Move, which goes on after Move has returned.
// It blocks for a few seconds at most.
//
// Errors: *Unreached; *Denied if that gateway does not do it.
func (c *Client) Move(ctx context.Context, address string, m Move) error {
	return c.order(ctx, address, movePath, m)
}

// order posts something to be done, and reads whether it is.
//
// Errors: as for Move.
func (c *Client) order(ctx context.Context, address, path string, what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("cannot write the request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := c.request(ctx, http.MethodPost, address, path, io.NopCloser(bytes.NewReader(text)))
	if err != nil {
		return err
	}
	req.ContentLength = int64(len(text))
	resp, err := c.pool.RoundTrip(req)
	if err != nil {
		return &Unreached{Address: address, Cause: plain(ctx, err)}
	}
	defer func() { _ = resp.Body.Close() }() // All that counts has been read.
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxFailureBytes))
	var denied Denied
	if err != nil || rawjson.Decode(answer, &denied) != nil {
		denied.Reason = ""
	}
	return &Denied{cmp.Or(denied.Reason, fmt.Sprintf("it answered with HTTP status %d: it may be of another version", resp.StatusCode))}
}
