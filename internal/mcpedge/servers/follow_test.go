package servers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/testkit"
)

// followed is a session that is asked for what is wanted, until end.
func followed(t *testing.T, info endpoint.ServerInfo, answer testkit.Answer, wanted *endpoint.Notices) (session *testkit.Session, end func()) {
	t.Helper()
	session = testkit.NewSession(1, answer).WithInfo(info)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		servers.Follow(ctx, session, wanted)
	}()
	return session, func() { cancel(); <-over }
}

func requests(s *testkit.Session) (sent []string) {
	for _, c := range s.Calls() {
		sent = append(sent, c.Method+" "+string(c.Params))
	}
	return sent
}

// heard notes the URIs that somebody hears of.
type heard struct {
	mu   sync.Mutex
	uris []string
}

func (h *heard) hear(uri string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.uris = append(h.uris, uri)
}

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.uris
	h.uris = nil
	return was
}

func subscribe(t *testing.T, n *endpoint.Notices, uri string, h *heard) *endpoint.Subscription {
	t.Helper()
	s, err := n.Subscribe(uri, h.hear)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var older = endpoint.ServerInfo{ProtocolVersion: "2025-11-25", Capabilities: `{"resources":{"subscribe":true},"logging":{}}`}

func TestFollow_subscribesOnceForAll_andUnsubscribesWithTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wanted endpoint.Notices
		var one, two heard
		session, end := followed(t, older, testkit.Says(`{}`), &wanted)
		a := subscribe(t, &wanted, "x://1", &one)
		b := subscribe(t, &wanted, "x://1", &two)
		<-a.Settled()
		<-b.Settled()
		wanted.Hear(endpoint.NoticeUpdated, json.RawMessage(`{"uri":"x://1"}`))
		wanted.Hear(endpoint.NoticeUpdated, json.RawMessage(`{"uri":"x://1/below"}`))
		wanted.Hear(endpoint.NoticeUpdated, json.RawMessage(`{"uri":"x://12"}`))
		if got, want := one.take(), []string{"x://1", "x://1/below"}; !slices.Equal(got, want) || !slices.Equal(two.take(), want) {
			t.Errorf("got %q, want %q for both", got, want)
		}
		a.End()
		a.End()
		synctest.Wait()
		b.End()
		synctest.Wait()
		want := []string{`resources/subscribe {"uri":"x://1"}`, `resources/unsubscribe {"uri":"x://1"}`}
		if got := requests(session); !slices.Equal(got, want) {
			t.Errorf("the server was asked %q, want %q", got, want)
		}
		end()
	})
}

func TestFollow_afterARestart_subscribesAgain_andSaysThatItMayHaveChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wanted endpoint.Notices
		var one heard
		first, end := followed(t, older, testkit.Says(`{}`), &wanted)
		s := subscribe(t, &wanted, "x://1", &one)
		<-s.Settled()
		l := wanted.Log(endpoint.LevelNamed("info"), func(json.RawMessage) {})
		synctest.Wait()
		end()
		if got := one.take(); got != nil {
			t.Errorf("heard %q before the restart, want nothing", got)
		}
		second, end := followed(t, older, testkit.Says(`{}`), &wanted)
		synctest.Wait()
		want := []string{`logging/setLevel {"level":"info"}`, `resources/subscribe {"uri":"x://1"}`}
		if got := requests(second); !slices.Equal(got, want) || len(first.Calls()) != 2 {
			t.Errorf("the new run was asked %q, want %q", got, want)
		}
		if got := one.take(); !slices.Equal(got, []string{"x://1"}) {
			t.Errorf("heard %q, want that x://1 may have changed", got)
		}
		l.End()
		end()
	})
}

func TestFollow_aRefusal_isTheAnswer_andIsAskedForAgainByTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wanted endpoint.Notices
		session, end := followed(t, older, func(context.Context, endpoint.Request) (endpoint.Response, error) {
			return endpoint.Response{Error: []byte(`{"code":-32002,"message":"none"}`)}, nil
		}, &wanted)
		for range 2 {
			s := subscribe(t, &wanted, "x://1", &heard{})
			<-s.Settled()
			if answer, err := s.Answer(); err != nil || string(answer.Error) != `{"code":-32002,"message":"none"}` {
				t.Errorf("got %s %v, want the server's error", answer.Error, err)
			}
			synctest.Wait()
		}
		if got := len(session.Calls()); got != 2 {
			t.Errorf("the server was asked %d times, want 2", got)
		}
		end()
	})
}

func TestFollow_theMostVerboseLevelIsAskedFor_andThatOfACallForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wanted endpoint.Notices
		session, end := followed(t, older, testkit.Says(`{}`), &wanted)
		var got []string
		hear := func(who string) func(json.RawMessage) {
			return func(params json.RawMessage) { got = append(got, who+" "+string(params)) }
		}
		a := wanted.Log(endpoint.LevelNamed("error"), hear("a"))
		synctest.Wait()
		b := wanted.Log(endpoint.LevelNamed("debug"), hear("b"))
		wanted.AwaitLevel(t.Context(), endpoint.LevelNamed("debug"))
		wanted.Hear(endpoint.NoticeLogged, json.RawMessage(`{"level":"warning","data":1}`))
		wanted.Hear(endpoint.NoticeLogged, json.RawMessage(`{"level":"alert","data":2}`))
		wanted.Hear(endpoint.NoticeLogged, json.RawMessage(`{"level":"loud","data":3}`))
		slices.Sort(got)
		if want := []string{`a {"level":"alert","data":2}`, `b {"level":"alert","data":2}`, `b {"level":"warning","data":1}`}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		b.Rest()
		time.Sleep(29 * time.Second)
		if n := len(session.Calls()); n != 2 {
			t.Errorf("the server was asked %d times while the level rests, want 2", n)
		}
		time.Sleep(2 * time.Second)
		want := []string{`logging/setLevel {"level":"error"}`, `logging/setLevel {"level":"debug"}`, `logging/setLevel {"level":"error"}`}
		if got := requests(session); !slices.Equal(got, want) {
			t.Errorf("the server was asked %q, want %q", got, want)
		}
		a.End()
		end()
	})
}

// listens answers subscriptions/listen as a server of 2026-07-28 that agrees to all
// but these.
func listens(but ...string) testkit.Answer {
	return func(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
		var params struct {
			Notifications struct{ ResourceSubscriptions []string }
		}
		if err := json.Unmarshal(req.Params, &params); err != nil {
			return endpoint.Response{}, fmt.Errorf("params: %w", err)
		}
		agreed := slices.DeleteFunc(params.Notifications.ResourceSubscriptions, func(uri string) bool { return slices.Contains(but, uri) })
		raw, _ := json.Marshal(map[string]any{"notifications": map[string]any{"resourceSubscriptions": agreed}})
		req.Notice("notifications/subscriptions/acknowledged", raw)
		for _, uri := range agreed {
			req.Notice(endpoint.NoticeUpdated, fmt.Appendf(nil, `{"uri":%q}`, uri))
		}
		<-ctx.Done()
		return endpoint.Response{}, context.Cause(ctx)
	}
}

func TestFollow_aServerOf20260728_isListenedTo_forWhatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wanted endpoint.Notices
		var one heard
		session, end := followed(t, endpoint.ServerInfo{ProtocolVersion: endpoint.StatelessRevision}, listens("x://no"), &wanted)
		a := subscribe(t, &wanted, "x://1", &one)
		b := subscribe(t, &wanted, "x://2", &one)
		no := subscribe(t, &wanted, "x://no", &one)
		synctest.Wait()
		if _, err := no.Answer(); err == nil {
			t.Error("got no error for a resource that the server does not announce, want one")
		}
		if got := one.take(); !slices.Contains(got, "x://1") || !slices.Contains(got, "x://2") || slices.Contains(got, "x://no") {
			t.Errorf("heard %q, want x://1 and x://2", got)
		}
		a.End()
		synctest.Wait()
		sent := requests(session)
		if last, want := sent[len(sent)-1], `subscriptions/listen {"notifications":{"resourceSubscriptions":["x://2"]}}`; last != want {
			t.Errorf("got %q, want at last %s", sent, want)
		}
		b.End()
		synctest.Wait()
		end()
	})
}
