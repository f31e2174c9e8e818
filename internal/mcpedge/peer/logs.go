package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// LogQuery says which lines of a gateway's log are wanted.
type LogQuery struct {
	Server string     // only lines about this server; empty: all
	Level  slog.Level // only lines of this level or above
	N      int        // at most so many, the newest
}

const (
	// maxLogLines is how many lines a gateway hands out at once.
	maxLogLines = 100_000
	// maxLogBytes limits them together: the oldest are left out.
	maxLogBytes = 16 << 20
)

// logs answers with lines of the log, each a JSON object, the oldest first.
func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	n, err := strconv.Atoi(q.Get("n"))
	if err != nil || n < 0 {
		badRequest(w, errors.New("n is not a number of lines"))
		return
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(q.Get("level"))); err != nil {
		badRequest(w, errors.New("level is not one of the log"))
		return
	}
	lines := newest(s.cfg.Logs(LogQuery{Server: q.Get("server"), Level: level, N: min(n, maxLogLines)}))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime + maxLogBytes>>20*time.Second)) // A test's recorder has none.
	w.Header().Set("Content-Type", "application/x-ndjson")
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return // Who asked is gone.
		}
	}
}

// newest are the last lines that are not too large together.
func newest(lines []json.RawMessage) []json.RawMessage {
	size := 0
	for i, line := range slices.Backward(lines) {
		if size += len(line) + 1; size > maxLogBytes {
			return lines[i+1:]
		}
	}
	return lines
}

// Logs asks the gateway at an address for lines of its log, the oldest first. It blocks
// until they are there, or ctx ends.
//
// Errors: *Unreached; *Denied if that gateway has none for it.
func (c *Client) Logs(ctx context.Context, address string, q LogQuery) ([]json.RawMessage, error) {
	v := url.Values{"server": {q.Server}, "level": {q.Level.String()}, "n": {strconv.Itoa(q.N)}}
	req, err := c.request(ctx, http.MethodGet, address, logsPath+"?"+v.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := c.pool.RoundTrip(req)
	if err != nil {
		return nil, &Unreached{Address: address, Cause: plain(ctx, err)}
	}
	defer func() { _ = resp.Body.Close() }() // All that counts has been read.
	if resp.StatusCode != http.StatusOK {
		return nil, &Denied{fmt.Sprintf("it answered with HTTP status %d: it may be of another version", resp.StatusCode)}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxLogBytes))
	if err != nil {
		return nil, &Unreached{Address: address, Cause: plain(ctx, err)}
	}
	var lines []json.RawMessage
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSuffix(line, []byte("\n")); json.Valid(line) {
			lines = append(lines, line)
		}
	}
	return lines, nil
}
