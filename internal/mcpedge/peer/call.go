package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// maxTries is how often a call is sent again that no byte of was sent because the
// connection had ended.
const maxTries = 3

var (
	errBadParams       = errors.New("the parameters are not JSON")
	errMuchCapable     = errors.New("the client declares more capabilities than can be passed on")
	errConnectionEnded = errors.New("the connection to the gateway that runs the server ended")
)

// Call implements [endpoint.Session].
func (s *Session) Call(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
	ctx, stop := req.Until(ctx)
	defer stop()
	switch {
	case ctx.Err() != nil:
		return endpoint.Response{}, &endpoint.NotWritten{Cause: context.Cause(ctx)}
	case len(req.Params) > 0 && !rawjson.Valid(req.Params):
		return endpoint.Response{}, &endpoint.NotWritten{Cause: errBadParams}
	case len(escape(string(req.Capabilities))) > maxCapabilities:
		return endpoint.Response{}, &endpoint.RefusedRequest{Reason: errMuchCapable.Error()}
	case !s.begin():
		return endpoint.Response{}, &endpoint.NotWritten{Cause: s.why()}
	}
	defer s.leave()
	for try := 1; ; try++ {
		resp, err := s.once(ctx, req)
		if err == nil || !errors.Is(err, errConnectionEnded) || try == maxTries {
			return resp, s.concluded(ctx, err)
		}
	}
}

// once sends a call, or finds that it could not be sent.
func (s *Session) once(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
	params := &body{data: req.Params}
	if len(params.data) == 0 {
		params.data = []byte("null") // There must be a body to wait for.
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() {
		params.giveUp()
		cancel(context.Cause(s.ctx))
	})()
	defer s.watch(ctx, params, cancel)()
	connected := false
	post, err := s.post(traced(ctx, &connected), req, params)
	if err != nil {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: err}
	}
	resp, err := s.client.pool.RoundTrip(post) //nolint:bodyclose // read closes it.
	if err == nil {
		return s.read(ctx, req, resp, params)
	}
	if !params.giveUp() {
		return endpoint.Response{}, broken(ctx, err)
	}
	switch {
	case ctx.Err() != nil:
		return endpoint.Response{}, &endpoint.NotWritten{Cause: context.Cause(ctx)}
	case connected:
		return endpoint.Response{}, &endpoint.NotWritten{Cause: errConnectionEnded}
	default:
		return endpoint.Response{}, &endpoint.NotWritten{Cause: &Unreached{Address: s.target.Address, Cause: plain(ctx, err)}}
	}
}

// broken is the error of a call that was sent, and whose answer could not be read.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &endpoint.CutStream{Cause: fmt.Errorf("lost the connection to the gateway that runs it: %w", plain(ctx, err))}
}

// concluded ends the session where the error of a call says that it is over, and waits
// where the call is to be decided anew by what this gateway is about to hear.
func (s *Session) concluded(ctx context.Context, err error) error {
	notWritten, ok := errors.AsType[*endpoint.NotWritten](err)
	if !ok {
		return err
	}
	refused, ok := errors.AsType[*Refused](notWritten)
	if ok && refused.Kind == string(kindStale) && refused.Generation > 0 && reaches(ctx, s.client.cfg.Generation, refused.Generation) {
		return &endpoint.NotWritten{Cause: endpoint.ErrStale}
	}
	_, unreached := errors.AsType[*Unreached](notWritten)
	if ok || unreached || errors.Is(err, errConnectionEnded) {
		s.retire(notWritten.Cause)
	}
	return err
}

// post makes the request of a call.
func (s *Session) post(ctx context.Context, req endpoint.Request, params *body) (*http.Request, error) {
	post, err := s.client.request(ctx, http.MethodPost, s.target.Address, s.path, params)
	if err != nil {
		return nil, err
	}
	post.ContentLength, post.GetBody = int64(len(params.data)), nil
	h := head{
		epoch: s.target.Epoch, form: s.target.Form, generation: req.Generation, by: req.By, method: req.Method, gateway: s.client.id,
		level: req.LogLevel, client: req.Capabilities, maxRequest: req.MaxBytes, maxResult: req.MaxResultBytes,
	}
	if h.generation == 0 {
		h.generation = s.client.cfg.Generation()
	}
	if at, ok := ctx.Deadline(); ok {
		h.timeout = min(max(time.Until(at), time.Millisecond), maxTimeout)
	}
	h.wants = wantsOf(req)
	h.write(post.Header)
	post.Header["Content-Type"] = []string{mediaJSON}
	post.Header["Accept"] = []string{mediaJSON + ", " + mediaStream}
	post.Header["Expect"] = []string{"100-continue"}
	req.Trace.Headers(post.Header.Set)
	return post, nil
}

// wantsOf is what the caller hears of before the answer.
func wantsOf(req endpoint.Request) string {
	var wants []string
	if req.Progress != nil {
		wants = append(wants, wantsProgress)
	}
	if req.Notice != nil {
		wants = append(wants, wantsNotices)
	}
	if req.Lasts != nil {
		wants = append(wants, wantsLasts)
	}
	return strings.Join(wants, ",")
}

// read reads the response to a call.
func (s *Session) read(ctx context.Context, req endpoint.Request, resp *http.Response, params *body) (endpoint.Response, error) {
	defer func() { _ = resp.Body.Close() }() // All that counts has been read.
	s.received.Add(1)
	if resp.StatusCode == http.StatusOK {
		return s.answered(ctx, req, resp)
	}
	unsent := params.giveUp()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxFailureBytes))
	f := readFailure(resp, text)
	switch {
	case f.Kind != kindLost: // The status alone says that nothing was written, if nothing was.
		return endpoint.Response{}, f.err()
	case unsent:
		return endpoint.Response{}, &endpoint.NotWritten{Cause: &Refused{Kind: string(kindNotReady), Reason: f.Reason}}
	case err != nil:
		return endpoint.Response{}, broken(ctx, err)
	}
	return endpoint.Response{}, f.err()
}
