package peer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/testkit"
)

var topic = endpoint.Topic{Name: "file:///a"}

func TestFollow_whatAServerSaysUnasked_reachesTheOtherGateway(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	s := o.open(t)
	here := &endpoint.Notices{}
	go peer.Follow(t.Context(), s, here)
	updates, logs := make(chan string, 10), make(chan string, 10)
	sub, err := here.Subscribe("file:///a", func(uri string) { updates <- uri })
	if err != nil {
		t.Fatal(err)
	}
	here.Log(endpoint.LevelNamed("warning"), func(params json.RawMessage) { logs <- string(params) })
	there := o.cell.Notices()
	testkit.Eventually(t, "the owner's server is asked for both", func() bool {
		want, _ := there.Wanted()
		return len(want.Topics) == 1 && want.Level == endpoint.LevelNamed("warning")
	})
	want, _ := there.Wanted()
	there.Settle(topic, want.Topics[topic], endpoint.Response{Result: []byte(`{}`)}, nil)
	await(t, "the answer to the subscription", sub.Settled())
	if answer, err := sub.Answer(); err != nil || answer.Error != nil {
		t.Errorf("got %s and %v, want the server's consent", answer.Error, err)
	}
	there.Hear(endpoint.NoticeUpdated, []byte(`{"uri":"file:///a"}`))
	if got := await(t, "the update", updates); got != "file:///a" {
		t.Errorf("got an update of %s, want file:///a", got)
	}
	there.Hear(endpoint.NoticeLogged, []byte(`{"level":"error","data":"x"}`))
	if got := await(t, "the log message", logs); got != `{"level":"error","data":"x"}` {
		t.Errorf("got the log message %s, want the server's", got)
	}
	sub.End()
	testkit.Eventually(t, "the owner's server is not asked for the resource any more", func() bool {
		want, _ := there.Wanted()
		return len(want.Topics) == 0
	})
}

func TestFollow_whatTheServerRefuses_isRefusedWithItsWords(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	s := o.open(t)
	here := &endpoint.Notices{}
	go peer.Follow(t.Context(), s, here)
	sub, err := here.Subscribe("file:///a", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	there := o.cell.Notices()
	testkit.Eventually(t, "the owner's server is asked", func() bool {
		want, _ := there.Wanted()
		there.Settle(topic, want.Topics[topic], endpoint.Response{Error: []byte(`{"code":-32602,"message":"no"}`)}, nil)
		return len(want.Topics) == 1
	})
	await(t, "the answer to the subscription", sub.Settled())
	if answer, _ := sub.Answer(); string(answer.Error) != `{"code":-32602,"message":"no"}` {
		t.Errorf("got the error %s, want the server's", answer.Error)
	}
}

func TestFollow_howATaskStands_reachesTheOtherGateway(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`), func(o *owner) {
		o.decide = func(r peer.Asked) *endpoint.Denied {
			if r.Hear && r.Agent == "" && string(r.Params) == `{"taskId":"hidden"}` {
				return &endpoint.Denied{Step: "server_not_allowed"}
			}
			return nil
		}
	})
	s := o.open(t)
	here, there := &endpoint.Notices{}, o.cell.Notices()
	go peer.Follow(t.Context(), s, here)
	there.Hear(endpoint.NoticeTaskOld, []byte(`{"taskId":"t1","status":"working"}`)) // Faster than who asks.
	said := make(chan string, 10)
	sub, err := here.SubscribeTask("t1", func(params json.RawMessage) { said <- string(params) })
	if err != nil {
		t.Fatal(err)
	}
	if got := await(t, "what was said before", said); got != `{"taskId":"t1","status":"working"}` {
		t.Errorf("got %s, want that it works", got)
	}
	task := endpoint.Topic{Name: "t1", Task: true}
	want, _ := there.Wanted()
	there.Settle(task, want.Topics[task], endpoint.Response{}, nil)
	await(t, "the answer to the subscription", sub.Settled())
	if answer, err := sub.Answer(); err != nil || answer.Error != nil {
		t.Errorf("got %s and %v, want the server's consent", answer.Error, err)
	}
	there.Hear(endpoint.NoticeTask, []byte(`{"taskId":"t1","status":"completed"}`))
	if got := await(t, "how it stands", said); got != `{"taskId":"t1","status":"completed"}` {
		t.Errorf("got %s, want that it is completed", got)
	}
	hidden, err := here.SubscribeTask("hidden", func(json.RawMessage) {})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the answer to what the rules deny", hidden.Settled())
	if _, err := hidden.Answer(); err == nil {
		t.Error("a task of a server that nobody may use: got no error, want one")
	}
}

// Log messages that a server says to all while a call wants them come ahead of its answer.
func TestCall_logMessages_comeBeforeTheAnswer(t *testing.T) {
	var o *owner
	o = newOwner(t, func(context.Context, endpoint.Request) (endpoint.Response, error) {
		o.cell.Notices().Hear(endpoint.NoticeLogged, []byte(`{"level":"error","data":"x"}`))
		o.cell.Notices().Hear(endpoint.NoticeLogged, []byte(`{"level":"debug","data":"y"}`))
		return endpoint.Response{Result: []byte(`{}`)}, nil
	})
	o.session.WithInfo(endpoint.ServerInfo{Name: "fake", ProtocolVersion: endpoint.StatelessRevision, Capabilities: `{"logging":{}}`})
	req, heard := call("c1"), []string{}
	req.LogLevel = endpoint.LevelNamed("warning")
	req.Notice = func(method string, params json.RawMessage) { heard = append(heard, method+" "+string(params)) }
	if _, err := o.open(t).Call(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if want := endpoint.NoticeLogged + ` {"level":"error","data":"x"}`; len(heard) != 1 || heard[0] != want {
		t.Errorf("got %q before the answer, want %q", heard, want)
	}
}

// A gateway that takes no events is left: it holds nothing at the owner.
func TestFollow_aGatewayThatDoesNotRead_isLeft(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`), func(o *owner) { o.answerTime = 20 * time.Millisecond })
	address := o.serve(t)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const wishes = `{"uris":[],"level":"debug"}`
	if _, err := fmt.Fprintf(conn, "POST /peer/v1/servers/%s HTTP/1.1\r\nHost: x\r\nGatehouse-Epoch: %d\r\nGatehouse-Form: %s\r\nGatehouse-Generation: 5\r\nGatehouse-Method: gatehouse%%2Ffollow\r\nContent-Length: %d\r\n\r\n%s",
		theKey, theEpoch, theForm, len(wishes), wishes); err != nil {
		t.Fatal(err)
	}
	there := o.cell.Notices()
	following := func() bool {
		want, _ := there.Wanted()
		return want.Level != 0
	}
	testkit.Eventually(t, "it follows", following)
	large := []byte(`{"level":"error","data":"` + strings.Repeat("x", 500<<10) + `"}`)
	testkit.Eventually(t, "it is left", func() bool {
		there.Hear(endpoint.NoticeLogged, large)
		return !following()
	})
}

func TestCall_ofAnAgentWithoutAnID_isRefused(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	_, err := o.open(t).Call(t.Context(), endpoint.Request{Method: "tools/call", Params: []byte(`{"name":"write"}`), By: endpoint.Call{Agent: "ci"}})
	if err == nil || !strings.Contains(err.Error(), "400") || len(o.session.Calls()) != 0 {
		t.Errorf("got %v and %d calls at the server, want 400 and none", err, len(o.session.Calls()))
	}
}

// chatty is an owner that says more often than once that it has all.
type chatty struct{ endpoint.Session }

func (chatty) Done() <-chan struct{} { return nil }

func (chatty) Call(ctx context.Context, r endpoint.Request) (endpoint.Response, error) {
	for range 5 {
		r.Notice("gatehouse/open", json.RawMessage(`{}`))
	}
	<-ctx.Done()
	return endpoint.Response{}, ctx.Err()
}

func TestFollow_anOwnerThatRepeatsItself_keepsNobodyFromTheEnd(t *testing.T) {
	here := &endpoint.Notices{}
	here.Log(endpoint.LevelNamed("warning"), func(json.RawMessage) {})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		peer.Follow(ctx, chatty{}, here)
	}()
	cancel()
	await(t, "the end", ended)
}

// A subscription that the owner cannot make is answered, and not waited for.
func TestFollow_moreThanTheOwnerKeeps_isToldAtOnce(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	for i := range 10_000 {
		if _, err := o.cell.Notices().Subscribe(fmt.Sprint("file:///", i), func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	here := &endpoint.Notices{}
	go peer.Follow(t.Context(), o.open(t), here)
	sub, err := here.Subscribe("file:///a", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the answer to the subscription", sub.Settled())
	if _, err := sub.Answer(); err == nil || err.Error() != endpoint.ErrTooManySubscriptions.Error() {
		t.Errorf("got %v, want %v", err, endpoint.ErrTooManySubscriptions)
	}
}

// A gateway that was taken over gets no more of the owner than an honest one needs.
func TestFollow_moreThanAGatewayNeeds_isRefused(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	s := o.open(t)
	ask := func(params string) error {
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
		defer cancel()
		_, err := s.Call(ctx, endpoint.Request{Method: "gatehouse/follow", Params: []byte(params)})
		return err
	}
	if err := ask(`{"uris":["` + strings.Repeat(`","`, endpoint.MaxTopics) + `"]}`); err == nil || !strings.Contains(err.Error(), "10001 resources and tasks") {
		t.Errorf("got %v for too many names, want a refusal that counts them", err)
	}
	var large *endpoint.RequestTooLarge
	if err := ask(`{"uris":["` + strings.Repeat("x", 2<<20) + `"]}`); !errors.As(err, &large) || large.Limit < endpoint.MaxTopicBytes || large.Limit >= 2<<20 {
		t.Errorf("got %v for names of 2 MiB, want a refusal with the limit", err)
	}
}

func TestFollow_asOftenAsNobodyNeeds_isRefused_untilOneEnds(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	s := o.open(t)
	follow := func(s *peer.Session) (end func(), opened <-chan struct{}, over <-chan error) {
		ctx, cancel := context.WithCancel(t.Context())
		open, done := make(chan struct{}, 1), make(chan error, 1)
		go func() {
			_, err := s.Call(ctx, endpoint.Request{Method: "gatehouse/follow", Params: []byte(`{"uris":["file:///a"]}`), Notice: func(method string, _ json.RawMessage) {
				if method == "gatehouse/open" {
					open <- struct{}{}
				}
			}})
			done <- err
		}()
		return cancel, open, done
	}
	var last func()
	for range 16 {
		end, opened, _ := follow(s)
		t.Cleanup(end)
		await(t, "a request to follow", opened)
		last = end
	}
	elsewhere := peer.NewClient(peer.ClientConfig{Generation: o.mine.Load}) // Another gateway, at the same address.
	t.Cleanup(elsewhere.Close)
	other := opened(t, elsewhere, o.target())
	end, opened, _ := follow(other)
	t.Cleanup(end)
	await(t, "a request of another gateway", opened)
	_, _, over := follow(s)
	if err := await(t, "the one too many", over); err == nil || !strings.Contains(err.Error(), "16 times at once already") {
		t.Errorf("got %v, want a refusal that says why", err)
	}
	last()
	testkit.Eventually(t, "there is room again", func() bool {
		end, opened, over := follow(s)
		select {
		case <-opened:
			t.Cleanup(end)
			return true
		case <-over:
			return false
		}
	})
}

// Whoever does not say which gateway it is counts with all of its address, and so do those
// that say so many.
func TestFollow_ofOneAddress_isBounded(t *testing.T) {
	var logged testkit.Logs
	f, now := peer.NewFollows(logged.Logger()), time.Unix(1, 0)
	count := func(gateway func(i int) string) (let int) {
		for i := range 1000 {
			if f.Begin("notes", "10.0.0.1:99", gateway(i), now) {
				let++
			}
		}
		return let
	}
	if got := count(func(int) string { return "" }); got != 16 {
		t.Errorf("%d requests of nobody in particular were let in, want 16", got)
	}
	if got := count(strconv.Itoa); got != 240 {
		t.Errorf("%d more requests were let in, each of another gateway, want 240: an address may have 256", got)
	}
	if !f.Begin("notes", "10.0.0.2:99", "1", now) || !f.Begin("files", "10.0.0.1:99", "1", now) {
		t.Error("those of another address or of another server are refused, want that they are let in")
	}
	if n := len(logged.All()); n != 1 {
		t.Errorf("%d lines in the log, want 1: it is bounded", n)
	}
	now = now.Add(time.Minute)
	f.Begin("notes", "10.0.0.1:99", "", now)
	if all := logged.All(); len(all) != 2 || all[1].Attrs["refused_since_last_said"] != "1744" {
		t.Errorf("got %v a minute later, want a second line that says how many were refused", all)
	}
}

// A log that is slow to take a line keeps nobody else waiting.
func TestFollow_refused_othersDoNotWaitForTheLog(t *testing.T) {
	writing, written := make(chan struct{}), make(chan struct{})
	f, now := peer.NewFollows(slog.New(slog.NewTextHandler(&slowLog{writing: writing, written: written}, nil))), time.Unix(1, 0)
	for range 16 {
		f.Begin("notes", "10.0.0.1:99", "", now)
	}
	refused, let := make(chan bool), make(chan bool, 1)
	go func() { refused <- !f.Begin("notes", "10.0.0.1:99", "", now) }()
	<-writing
	go func() { let <- f.Begin("notes", "10.0.0.2:99", "", now) }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case ok := <-let:
		if !ok {
			t.Error("a request of another address is refused, want that it is let in")
		}
	case <-ctx.Done():
		t.Error("a request of another address waits for the log, want that it does not")
	}
	close(written)
	if !<-refused {
		t.Error("one request too many is let in, want it refused")
	}
}

// slowLog takes lines only once it may.
type slowLog struct {
	writing, written chan struct{}
	begun            sync.Once
}

func (l *slowLog) Write(text []byte) (int, error) {
	l.begun.Do(func() { close(l.writing) })
	<-l.written
	return len(text), nil
}
