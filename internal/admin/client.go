package admin

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/ownsocket"
	"gatehouse/internal/rawjson"
)

// maxAnswer limits what a client reads of one answer, in bytes.
const maxAnswer = 256 << 20

// Client asks one running gateway. Its methods block until the answer is
// there or ctx ends; they may be called from any goroutine. A refusal is an
// *Error.
type Client struct {
	path string
	http *http.Client
}

// NewClient makes a client for the socket at path. Nothing is opened yet.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return ownsocket.Dial(ctx, path)
	}
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Found is a gateway that runs.
type Found struct {
	Status Status
	Client *Client
}

// findPatience is how long a gateway may take to say who it is.
const findPatience = 3 * time.Second

// Find lists the gateways that run, sorted by their process id, and removes
// sockets of those that no longer do. silent are the sockets on which somebody
// listens who did not answer within 3 s, or refused to, with the reason. It
// blocks for that long at most.
func Find(ctx context.Context, dirs []string) (found []Found, silent []string) {
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, dir := range dirs {
		for _, path := range sockets(ctx, dir) {
			wg.Go(func() {
				c := NewClient(path)
				st, err := c.Status(ctx)
				mu.Lock()
				defer mu.Unlock()
				if _, refused := errors.AsType[*Error](err); refused {
					path += ": " + err.Error()
				}
				if err != nil {
					silent = append(silent, path)
					return
				}
				found = append(found, Found{st, c})
			})
		}
	}
	wg.Wait()
	slices.SortFunc(found, func(a, b Found) int { return cmp.Compare(a.Status.PID, b.Status.PID) })
	slices.Sort(silent)
	return found, silent
}

// Status asks for the whole picture.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var st Status
	err := c.ask(ctx, http.MethodGet, "/v1/status", nil, &st)
	return st, err
}

// Server asks for all there is to know of one server.
func (c *Client) Server(ctx context.Context, name string) (ServerDetail, error) {
	var d ServerDetail
	err := c.ask(ctx, http.MethodGet, "/v1/servers/"+escape(name), nil, &d)
	return d, err
}

// Reload has every file read again.
func (c *Client) Reload(ctx context.Context) ([]Report, error) {
	var reports []Report
	err := c.ask(ctx, http.MethodPost, "/v1/reload", nil, &reports)
	return reports, err
}

// End has the gateway end in order. It does not wait for that.
func (c *Client) End(ctx context.Context) error {
	return c.ask(ctx, http.MethodPost, "/v1/end", nil, &struct{}{})
}

// Operate acts on one server; hold matters to HoldServer, and its From to Release.
func (c *Client) Operate(ctx context.Context, action Action, server string, hold Hold) (Operated, error) {
	var done Operated
	err := c.ask(ctx, http.MethodPost, "/v1/servers/"+escape(server)+"/"+string(action), hold, &done)
	return done, err
}

// Settled waits until a server is ready, or will not be without anybody's doing;
// for its startup timeout at most.
func (c *Client) Settled(ctx context.Context, server string) (ServerStatus, error) {
	var st ServerStatus
	err := c.ask(ctx, http.MethodGet, "/v1/servers/"+escape(server)+"/settled", nil, &st)
	return st, err
}

// Tools lists tools; server and agent may be empty.
func (c *Client) Tools(ctx context.Context, server, agent string) (Tools, error) {
	var tools Tools
	q := url.Values{"server": {server}, "agent": {agent}}
	err := c.ask(ctx, http.MethodGet, "/v1/tools?"+q.Encode(), nil, &tools)
	return tools, err
}

// ToolChanges lists definitions of tools that changed; server may be empty.
func (c *Client) ToolChanges(ctx context.Context, server string) ([]ToolChange, error) {
	var changes []ToolChange
	err := c.ask(ctx, http.MethodGet, "/v1/tools/changes?"+url.Values{"server": {server}}.Encode(), nil, &changes)
	return changes, err
}

// OpsLink asks for a link that opens the operators' page once.
func (c *Client) OpsLink(ctx context.Context, q OpsLinkQuery) (OpsLink, error) {
	var link OpsLink
	err := c.ask(ctx, http.MethodPost, "/v1/ops/link", q, &link)
	return link, err
}

// Call runs a tool and gives the tool result as it came. The end of ctx
// cancels the call.
func (c *Client) Call(ctx context.Context, call Call) (json.RawMessage, error) {
	var result json.RawMessage
	err := c.ask(ctx, http.MethodPost, "/v1/call", call, &result)
	return result, err
}

// Logs hands each line of the log to each, until it gives an error, ctx ends
// or, without Follow, there are no more. A line {"lost":N} stands for N lines
// that came faster than they were read. At the end of the gateway it gives
// nil.
func (c *Client) Logs(ctx context.Context, q LogQuery, each func(json.RawMessage) error) error {
	v := url.Values{"follow": {strconv.FormatBool(q.Follow)}, "server": {q.Server}, "level": {q.Level.String()}, "n": {strconv.Itoa(q.N)}}
	if q.Node != "" {
		v.Set("node", q.Node)
	}
	resp, err := c.send(ctx, http.MethodGet, "/v1/logs?"+v.Encode(), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for lines.Scan() {
		if err := each(bytes.Clone(lines.Bytes())); err != nil {
			return err
		}
	}
	if err := lines.Err(); ctx.Err() != nil || errors.Is(err, bufio.ErrTooLong) {
		return errors.Join(ctx.Err(), err)
	}
	return nil // A connection that breaks is the gateway's end.
}

func (c *Client) ask(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil {
		err = rawjson.Decode(raw, out)
	}
	if err != nil {
		return fmt.Errorf("cannot read the gateway's answer: %w", err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("cannot write the request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://gatehouse"+path, body)
	if err != nil {
		return nil, fmt.Errorf("cannot make the request: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return nil, fmt.Errorf("cannot ask the gateway at %s: %w", c.path, err)
	}
	return resp, nil
}

// refusal reads the error of an answer.
func refusal(resp *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // Part of an answer has no words.
	words := rawjson.Text(rawjson.Get(raw, "error"))
	return &Error{Status: resp.StatusCode, Message: cmp.Or(words, "the gateway answered "+resp.Status)}
}

// escape encodes a name for one segment of a path; also what the path could
// be cleaned of, such as "..".
func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
