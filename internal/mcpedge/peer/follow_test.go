package peer_test

import (
	"encoding/json"
	"testing"

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
