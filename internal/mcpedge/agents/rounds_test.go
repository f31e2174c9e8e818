package agents_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/weight"
)

// inquisitive is a surface whose tools ask the client: "twice" two things, one after the
// other, "one" a single thing, "hasty" one for a second, and "other" nothing.
type inquisitive struct {
	place

	ended chan error // of the context of a call that is over
}

func (a inquisitive) Serve(ctx context.Context, _ agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	n := map[string]int{"one": 1, "twice": 2, "hasty": 1}[r.Name]
	got := "ran"
	asking := ctx
	if r.Name == "hasty" {
		var cancel context.CancelFunc
		asking, cancel = context.WithTimeout(ctx, time.Second)
		defer cancel()
	}
	for i := range n {
		if r.Progress != nil {
			r.Progress(json.RawMessage(fmt.Sprintf(`{"progress":%d}`, i)))
		}
		answer, err := r.Asks.Ask(asking, "elicitation/create", json.RawMessage(fmt.Sprintf("{\"n\":%d,\n\"x\":1.0}", i)))
		got += fmt.Sprintf(" %s%s%v", answer.Result, answer.Error, err)
	}
	if r.Name == "one" && r.Progress != nil {
		r.Progress(json.RawMessage(`{"progress":9}`))
	}
	a.ended <- ctx.Err()
	return fmt.Appendf(dst, `{"content":[],"said":%q}`, got), nil
}

// round is a call of a client of 2026-07-28 that can be asked by forms, with more
// members of params.
func round(id, tool, more string) string {
	return strings.Replace(strings.Replace(statelessCall(id, tool, "{}"), `"arguments":{}`, `"arguments":{}`+more, 1),
		`clientCapabilities":{}`, `clientCapabilities":{"elicitation":{}}`, 1)
}

func withState(id, tool, state, answers string) string {
	return round(id, tool, fmt.Sprintf(`,"requestState":%q,"inputResponses":%s`, state, answers))
}

var stateIn = regexp.MustCompile(`"requestState":"(gatehouse-round-[A-Z2-7]+)"`)

// asked is the state of a question, whose message must be this but for that.
func asked(t *testing.T, message, id string, n int) string {
	t.Helper()
	found := stateIn.FindStringSubmatch(message)
	if found == nil {
		t.Fatalf("got %s, want a question", message)
	}
	want := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"resultType":"input_required","inputRequests":{"question":{"method":"elicitation/create","params":{"n":%d, "x":1.0}}},"requestState":"`, id, n)
	if !strings.HasPrefix(message, want) {
		t.Errorf("got %s, want it to begin with %s", message, want)
	}
	return found[1]
}

func inRounds(t *testing.T, f func(t *testing.T, s *stdio, ended chan error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		surface := inquisitive{place{"one", nil}, make(chan error, 10)}
		f(t, dialAt(t, newEdge(t, newScript(), nil), surface), surface.ended)
	})
}

// A server of before 2026-07-28 asks in the middle of a call; the client hears it by the
// answer, and the call goes on when it calls again.
func TestRounds_aCallGoesOn_whenItsClientComesBack(t *testing.T) {
	inRounds(t, func(t *testing.T, s *stdio, ended chan error) {
		s.send("%s", round(`"a"`, "twice", ""))
		first := asked(t, s.next(), `"a"`, 0)
		s.send("%s", withState("2", "twice", first, `{"question":{"action":"accept","n":1.0}}`))
		second := asked(t, s.next(), "2", 1)
		if second == first {
			t.Error("both rounds have one state, want another each")
		}
		s.send("%s", withState("3", "twice", second, `{"question":{"action":"decline"}}`))
		want := `{"jsonrpc":"2.0","id":3,"result":{"content":[],"said":"ran {\"action\":\"accept\",\"n\":1.0}<nil> {\"action\":\"decline\"}<nil>"}}`
		if got := s.next(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if len(ended) != 1 {
			t.Errorf("the tool ran %d times, want once", len(ended))
		}
	})
}

// Nothing runs again by a state that is of no call, or of another.
func TestRounds_whatIsNotARoundOfACall_runsNothing(t *testing.T) {
	inRounds(t, func(t *testing.T, s *stdio, ended chan error) {
		s.send("%s", round("1", "one", ""))
		state := asked(t, s.next(), "1", 0)
		for name, c := range map[string]struct{ message, says string }{
			"a state that nobody has":     {withState("2", "one", "gatehouse-round-AAAA", `{"question":{}}`), "is over"},
			"another tool":                {withState("2", "other", state, `{"question":{}}`), "another tool"},
			"without an answer":           {withState("2", "one", state, `{"else":{}}`), "must have the answer"},
			"an answer that is no object": {withState("2", "one", state, `{"question":7}`), "must have the answer"},
		} {
			s.send("%s", c.message)
			if got := s.next(); !strings.Contains(got, `"id":2,"error":{"code":-32602`) || !strings.Contains(got, c.says) {
				t.Errorf("%s: got %s, want an error that says %q", name, got, c.says)
			}
		}
		s.send("%s", withState("3", "one", state, `{"question":{}}`))
		if got := s.next(); !strings.Contains(got, `"id":3,"result":{"content":[]`) {
			t.Errorf("got %s, want the result", got)
		}
		s.send("%s", withState("4", "one", state, `{"question":{}}`))
		if got := s.next(); !strings.Contains(got, `"id":4,"error":`) || len(ended) != 1 {
			t.Errorf("a state that was used: got %s, and the tool ran %d times, want an error and once", got, len(ended))
		}
	})
}

func TestRounds_theRequestThatTheClientMadeLast_isTheOneItCancels(t *testing.T) {
	inRounds(t, func(t *testing.T, s *stdio, ended chan error) {
		s.send("%s", round("1", "twice", ""))
		state := asked(t, s.next(), "1", 0)
		s.send("%s", withState("2", "twice", state, `{"question":{}}`))
		asked(t, s.next(), "2", 1)
		s.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}`)
		if err := <-ended; err == nil {
			t.Error("the call goes on, want that it has ended")
		}
		synctest.Wait()
		if len(s.lines) != 0 {
			t.Errorf("got %s, want no answer to what was cancelled", s.next())
		}
	})
}

// A call that is over before its client comes back is answered then, or not at all.
func TestRounds_aClientThatComesBackLate(t *testing.T) {
	for after, want := range map[time.Duration]string{
		50 * time.Second: `"id":2,"result":{"content":[],"said":"ran`, 70 * time.Second: `"id":2,"error":{"code":-32602`,
	} {
		inRounds(t, func(t *testing.T, s *stdio, ended chan error) {
			s.send("%s", round("1", "hasty", ""))
			state := asked(t, s.next(), "1", 0)
			<-ended
			time.Sleep(after)
			s.send("%s", withState("2", "hasty", state, `{"question":{}}`))
			if got := s.next(); !strings.Contains(got, want) {
				t.Errorf("after %v: got %s, want %s", after, got, want)
			}
		})
	}
}

func TestRounds_progress_isOfTheRequestThatRuns(t *testing.T) {
	inRounds(t, func(t *testing.T, s *stdio, _ chan error) {
		token := func(message, token string) string {
			return strings.Replace(message, `"_meta":{`, `"_meta":{"progressToken":"`+token+`",`, 1)
		}
		s.send("%s", token(round("1", "one", ""), "first"))
		var state string
		for state == "" {
			if got := s.next(); !strings.Contains(got, `"progressToken":"first"`) {
				state = asked(t, got, "1", 0)
			}
		}
		s.send("%s", token(withState("2", "one", state, `{"question":{}}`), "second"))
		if got, want := s.next(), `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":9,"progressToken":"second"}}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := s.next(); !strings.Contains(got, `"id":2,"result":`) {
			t.Errorf("got %s, want the result", got)
		}
	})
}

// Who has taken a notification to send it may come to that only now.
func TestRounds_answer_waitsForProgressThatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		send, answered := make(chan struct{}), make(chan struct{})
		p := agents.NewProgress(func([]byte) { <-send })
		p.Report()
		synctest.Wait()
		go func() {
			p.Mute()
			close(answered)
		}()
		synctest.Wait()
		select {
		case <-answered:
			t.Error("the round is answered before the progress of it is sent, want it to wait")
		default:
		}
		close(send)
		<-answered
		p.Mute() // Nothing is on its way any more.
		p.Finish()
	})
}

func TestRounds_whatTheClientDoesNotDeclare_itIsNotAsked(t *testing.T) {
	inRounds(t, func(t *testing.T, s *stdio, _ chan error) {
		s.send("%s", statelessCall("1", "one", "{}"))
		if got := s.next(); !strings.Contains(got, "has not declared with its call") {
			t.Errorf("got %s, want that the question had no answer", got)
		}
	})
}

// What nobody is sent any more takes nothing of the budget of all.
func TestRounds_progressThatIsDropped_givesItsRoomBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget, sent := weight.New(1<<20, time.Now), make(chan struct{})
		p := agents.NewProgressOf(budget, func([]byte) { <-sent })
		p.Report()
		synctest.Wait()
		p.Tell(`{"message":"` + strings.Repeat("x", 400<<10) + `"}`)
		if budget.Used() == 0 {
			t.Error("what waits takes nothing of the budget, want that it does")
		}
		go p.Mute() // Waits for the one that is being sent.
		synctest.Wait()
		if got := budget.Used(); got != 0 {
			t.Errorf("%d bytes of the budget are still taken, want 0", got)
		}
		close(sent)
		p.Finish()
	})
}
