package agents_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/agents"
)

// asking is a client with streams on which what it is sent is kept.
func asking(t *testing.T, streams int) (c agents.Asked, sent []chan string) {
	t.Helper()
	c = agents.NewAsked()
	for range streams {
		ch := make(chan string, 100)
		c.Attach(func(body []byte) { ch <- string(body) })
		sent = append(sent, ch)
	}
	return c, sent
}

type outcome struct {
	response endpoint.Response
	err      error
}

func ask(ctx context.Context, c agents.Asked, method string) chan outcome {
	done := make(chan outcome, 1)
	go func() {
		r, err := c.Ask(ctx, method, json.RawMessage(`{"x":1}`))
		done <- outcome{r, err}
	}()
	return done
}

// idOf is the id of a question.
func idOf(t *testing.T, question string) string {
	t.Helper()
	var m struct{ ID, Method string }
	if err := json.Unmarshal([]byte(question), &m); err != nil || m.ID == "" {
		t.Fatalf("the client is sent %s, want a request", question)
	}
	return m.ID
}

func TestClient_answersReachTheirQuestion_andNoOther(t *testing.T) {
	c, sent := asking(t, 1)
	first, second := ask(t.Context(), c, "roots/list"), ask(t.Context(), c, "roots/list")
	a, b := idOf(t, <-sent[0]), idOf(t, <-sent[0])
	if a == b {
		t.Fatalf("both questions have the id %q, want two", a)
	}
	other, _ := asking(t, 1)
	other.Answered(fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"result":{"forged":true}}`, a)) // Of another session.
	c.Answered(`{"jsonrpc":"2.0","id":"gatehouse-1","result":{"forged":true}}`)
	c.Answered(`{"jsonrpc":"2.0","result":{"forged":true}}`)
	c.Answered(fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"result":{"n":1.0}}`, a))
	c.Answered(fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"result":{"late":true}}`, a))
	c.Answered(fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"error":{"code":-1,"message":"no"}}`, b))
	got := map[string]bool{}
	for _, done := range []chan outcome{first, second} {
		o := <-done
		got[string(o.response.Result)+string(o.response.Error)] = o.err == nil
	}
	if !got[`{"n":1.0}`] || !got[`{"code":-1,"message":"no"}`] {
		t.Errorf("got %v, want each question its own answer", got)
	}
	if n := c.Strays() + other.Strays(); n != 4 {
		t.Errorf("%d answers are counted that nobody waits for, want 4", n)
	}
}

func TestClient_withoutAStream_isGivenUpAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := asking(t, 0)
		done := ask(t.Context(), c, "roots/list")
		time.Sleep(29 * time.Second)
		ch := make(chan string, 1)
		detach := c.Attach(func(body []byte) { ch <- string(body) })
		c.Answered(fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"result":{}}`, idOf(t, <-ch)))
		if o := <-done; o.err != nil {
			t.Errorf("got %v, want the answer by the stream that came", o.err)
		}
		detach()
		done = ask(t.Context(), c, "roots/list")
		if o := <-done; !errors.Is(o.err, endpoint.ErrNoStream) {
			t.Errorf("got %v, want ErrNoStream", o.err)
		}
	})
}

func TestClient_theEndOfASessionEndsItsQuestions(t *testing.T) {
	c, sent := asking(t, 1)
	done := ask(t.Context(), c, "roots/list")
	<-sent[0]
	c.End()
	if o := <-done; !errors.Is(o.err, endpoint.ErrClientGone) {
		t.Errorf("got %v, want ErrClientGone", o.err)
	}
	if o := <-ask(t.Context(), c, "roots/list"); !errors.Is(o.err, endpoint.ErrClientGone) {
		t.Errorf("a later question: got %v, want ErrClientGone", o.err)
	}
	select {
	case <-c.Ended():
	default:
		t.Error("it is not over, want its end known")
	}
}

func TestClient_isToldThatNobodyWaitsAnyMore(t *testing.T) {
	c, sent := asking(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := ask(ctx, c, "roots/list")
	id := idOf(t, <-sent[0])
	cancel()
	<-done
	if got := <-sent[0]; !strings.Contains(got, `"notifications/cancelled"`) || !strings.Contains(got, id) {
		t.Errorf("the client is sent %s, want the cancellation of %s", got, id)
	}
	c.Answered(fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"result":{}}`, id))
	if n := c.Strays(); n != 1 {
		t.Errorf("%d late answers are counted, want 1", n)
	}
}

func TestClient_tooManyQuestionsAreRefused(t *testing.T) {
	c, sent := asking(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	for range 64 {
		ask(ctx, c, "roots/list")
		<-sent[0]
	}
	if o := <-ask(ctx, c, "roots/list"); !errors.Is(o.err, endpoint.ErrTooManyQuestions) {
		t.Errorf("got %v, want ErrTooManyQuestions", o.err)
	}
	cancel()
}

func TestClient_whatNoServerCouldRead_isAnError(t *testing.T) {
	c, sent := asking(t, 1)
	for answer, want := range map[string]string{
		`"result":` + strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70): "nests too deep",
		`"result":{"a":1e400}`: "too large", `"result":{"a":"\ud800"}`: "half of a surrogate pair", `"error":{"code":1,"message":"\udc00"}`: "half of a surrogate pair",
		`"result":[1]`: "neither a result nor an error", `"error":"no"`: "neither a result nor an error",
	} {
		done := ask(t.Context(), c, "roots/list")
		c.Answered(fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,%s}`, idOf(t, <-sent[0]), answer))
		if o := <-done; !strings.Contains(string(o.response.Error), want) {
			t.Errorf("%.40s: the server gets %s (%v), want an error that says %q", answer, o.response.Error, o.err, want)
		}
	}
}

// Servers are shown what a client declares, so what they may not be able to read is
// as if it had declared nothing.
func TestClient_capabilitiesThatNoServerCouldRead_areNotKept(t *testing.T) {
	for _, declared := range []string{
		`{"roots":` + strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 65), `{"roots":{"a":1e400}}`, `{"roots":{"\ud800":1}}`, `{"roots":{"a":1` + strings.Repeat("0", 1000) + `}}`,
	} {
		c := agents.NewAsked()
		c.Speaks(`{"roots":{}}`)
		c.Speaks(declared)
		if got := c.Declared(); got != nil {
			t.Errorf("%.60s: got %s, want nothing", declared, got)
		}
	}
}
