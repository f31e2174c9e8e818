package servers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/testkit"
)

func TestReadList_eachKind(t *testing.T) {
	answers := map[string]string{
		"tools/list":               `{"tools":[{"name":"t"}],"ttlMs":42}`,
		"resources/list":           `{"resources":[{"uri":"a://1", "n":1.0},{"name":"no uri"}],"ttlMs":700,"nextCursor":"x"}`,
		"resources/list x":         `{"resources":[{"uri":"a://2"},{"uri":"a://1"}],"ttlMs":9}`,
		"resources/templates/list": `{"resourceTemplates":[{"uriTemplate":"a://{x}","name":"n"}]}`,
		"prompts/list":             `{"prompts":[{"name":"p"},{"name":"q","Name":"r"}]}`,
	}
	session := testkit.NewSession(1, func(_ context.Context, req endpoint.Request) (endpoint.Response, error) {
		page := strings.TrimSuffix(strings.TrimPrefix(string(req.Params), `{"cursor":"`), `"}`)
		return endpoint.Response{Result: []byte(answers[strings.TrimSpace(req.Method+" "+strings.Trim(page, "{}"))])}, nil
	}).WithInfo(endpoint.ServerInfo{Capabilities: `{"resources":{},"prompts":{}}`})
	for list, want := range map[endpoint.List]string{
		endpoint.Resources: `a://1={"uri":"a://1", "n":1.0} a://2={"uri":"a://2"} 700 the server's list of resources is odd: left out for want of a uri: 1 definition`,
		endpoint.Templates: `a://{x}={"uriTemplate":"a://{x}","name":"n"} 0 <nil>`,
		endpoint.Prompts:   `p={"name":"p"} 0 the server's list of prompts is odd: 1 definition has a member twice or in another letter case: left out`,
	} {
		if got := said(servers.ReadList(t.Context(), session, list)); got != want {
			t.Errorf("%s: got %s, want %s", list.Capability(), got, want)
		}
	}
	session.WithInfo(endpoint.ServerInfo{Tools: true})
	if got, want := said(servers.ListTools(t.Context(), session)), `t={"name":"t"} 42 <nil>`; got != want {
		t.Errorf("tools: got %s, want %s", got, want)
	}
	// A server that does not declare a list is not asked for it.
	if got, want := said(servers.ReadList(t.Context(), testkit.NewSession(1, testkit.Hangs), endpoint.Prompts)), "0 <nil>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Some servers have resources and no templates, and don't know the method.
func TestReadList_templatesThatAServerDoesNotKnow_areNone(t *testing.T) {
	session := testkit.NewSession(1, func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{Error: []byte(`{"code":-32601,"message":"what?"}`)}, nil
	}).WithInfo(endpoint.ServerInfo{Capabilities: `{"resources":{}}`})
	if got, want := said(servers.ReadList(t.Context(), session, endpoint.Templates)), "0 <nil>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := said(servers.ReadList(t.Context(), session, endpoint.Resources)), "0 cannot list the resources: the server answered with an error: what? (-32601)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStdio_hearsOfChangesOfAllLists(t *testing.T) {
	p, pipes := newPeer(t)
	got := make(chan request, 1)
	go func() {
		p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, p.read().ID, strings.Replace(announcing, `"tools":{"listChanged":true}`, `"tools":{},"resources":{"listChanged":true},"prompts":{"listChanged":true}`, 1))
		got <- p.acknowledge()
	}()
	heard := make(chan endpoint.List, 10)
	s, err := servers.OpenStdio(t.Context(), pipes, servers.Options{OnListChanged: func(l endpoint.List) { heard <- l }})
	if err != nil {
		t.Fatal(err)
	}
	if r := await(t, got); !strings.Contains(string(r.Params), `"notifications":{"resourcesListChanged":true,"promptsListChanged":true}`) {
		t.Errorf("got %s, want a subscription to what the server announces", r.Params)
	}
	p.write(`{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}`)
	if l := await(t, heard); l != endpoint.Prompts {
		t.Errorf("got a change of %s, want one of the prompts", l.Capability())
	}
	p.write(`{"jsonrpc":"2.0","method":"notifications/resources/list_changed"}`)
	if a, b := await(t, heard), await(t, heard); a != endpoint.Resources || b != endpoint.Templates {
		t.Errorf("got changes of %d and %d, want the resources and their templates", a, b)
	}
	s.Close(nil)
	await(t, s.Done())
}

// said shows a list in one line.
func said(items []endpoint.Tool, ttl int64, err error) string {
	text := ""
	for _, item := range items {
		text += item.Name + "=" + string(item.Raw) + " "
	}
	return fmt.Sprintf("%s%d %v", text, ttl, err)
}
