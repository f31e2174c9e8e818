package attach_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/attach"
)

const (
	initialize  = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","x":1}}`
	initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	soon        = 200 * time.Millisecond // how long a request waits for a gateway
)

func call(id int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"x"}}`, id)
}

// What the client and the gateway write passes byte for byte, whatever it is, and
// however long.
func TestRelay_everyByteOfALine_passes(t *testing.T) {
	dir := folder(t)
	newGateway(t, dir, "", func(_ context.Context, _ attach.Hello, in io.Reader, out io.Writer) error {
		_, err := io.Copy(out, in)
		return err
	})
	c := newClient(t, dir, time.Minute)
	long := `{"jsonrpc":"2.0","id":"long","method":"x","params":"` + strings.Repeat("é\\u0000", 1<<20) + `"}`
	sent := []string{`{ "id" : 1 ,"method":"x"}` + "\r", "", "  ", "no JSON", `{"id":1,"method":"y"}`, "[1]", "\xff\xfe", "a\x00b", long}
	go func() {
		for _, line := range sent {
			_, _ = io.WriteString(c.in, line+"\n")
		}
	}()
	for _, want := range sent {
		line, err := c.out.ReadString('\n')
		if err != nil || line != want+"\n" {
			t.Fatalf("got %.80q, %v, want %.80q", line, err, want)
		}
	}
}

// A client cannot speak in the relay's own words.
func TestRelay_aClientsControls_areItsOwnWords(t *testing.T) {
	dir := folder(t)
	newGateway(t, dir, "", lines(func(line string) string { return fmt.Sprintf("%q", line) }))
	c := newClient(t, dir, time.Minute)
	for _, word := range []string{"eof", "paused", "hurry"} {
		c.say(t, "\x00"+word)
		c.want(t, `"\x01`+word+`"`)
	}
	c.say(t, "still there")
	c.want(t, `"still there"`)
}

// The end of the client's input is one for the gateway, whose answers still come.
func TestRelay_endOfInput_answersStillCome(t *testing.T) {
	dir := folder(t)
	ended := make(chan struct{})
	newGateway(t, dir, "", func(_ context.Context, _ attach.Hello, in io.Reader, out io.Writer) error {
		all, err := io.ReadAll(in)
		if err == nil {
			close(ended)
			_, _ = io.WriteString(out, "all "+fmt.Sprint(len(all))+"\n")
		}
		return err
	})
	c := newClient(t, dir, time.Minute)
	if _, err := io.WriteString(c.in, "one\ntwo"); err != nil {
		t.Fatal(err)
	}
	_ = c.in.Close()
	<-ended
	c.want(t, "all 8")
	if err := <-c.ended; err != nil {
		t.Errorf("got %v, want no error", err)
	}
}

// A gateway that dies leaves calls with an unknown fate; what only asks is asked
// again, and so is nothing else.
func TestRelay_gatewayDies_callsAreAnsweredAndAskedIsAgain(t *testing.T) {
	dir := folder(t)
	read := make(chan string, 10)
	first := newGateway(t, dir, "1", lines(func(line string) string {
		if strings.Contains(line, `"initialize"`) {
			return echo(line)
		}
		read <- line
		return ""
	}))
	c := newClient(t, dir, time.Minute)
	c.say(t, initialize)
	c.want(t, `"id":0`)
	c.say(t, initialized)
	<-read
	for _, line := range []string{
		call(1), `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, `{"jsonrpc":"2.0","id":3,"method":"resources/read"}`, call(4),
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}}`,
	} {
		c.say(t, line)
		<-read
	}
	first.Close()
	c.want(t, `"id":1`, "GATEWAY_LOST", `"may_have_run":true`, `"isError":true`)
	c.want(t, `"id":3`, "-32603")
	heard := make(chan string, 10)
	newGateway(t, dir, "2", lines(func(line string) string {
		heard <- line
		return echo(line)
	}))
	c.want(t, "notifications/tools/list_changed")
	c.want(t, `"id":2`, "tools/list")
	c.say(t, call(5))
	c.want(t, `"id":5`)
	for i, want := range []string{`"method":"initialize","params":{"protocolVersion":"2025-11-25","x":1}`, "notifications/initialized", `"id":2`, `"id":5`} {
		if got := <-heard; !strings.Contains(got, want) {
			t.Errorf("line %d to the next gateway: got %s, want %s", i, got, want)
		}
	}
}

// Nothing that comes once the gateway has said that it ends is lost, nor is there a
// doubt about what came before.
func TestRelay_gatewayPauses_theNextOneGetsTheRest(t *testing.T) {
	dir := folder(t)
	heard, release := make(chan struct{}), make(chan struct{})
	first := newGateway(t, dir, "", func(_ context.Context, _ attach.Hello, in io.Reader, out io.Writer) error {
		r := bufio.NewReader(in)
		call, _ := r.ReadString('\n')
		close(heard)
		rest, err := io.ReadAll(r)
		<-release
		for line := range strings.Lines(call + string(rest)) {
			_, _ = io.WriteString(out, echo(strings.TrimSpace(line))+"\n")
		}
		return err
	})
	c := newClient(t, dir, time.Minute)
	c.say(t, call(1))
	<-heard                  // Before, it would be the next one's.
	first.Pause(t.Context()) // All that was sent before has been read then.
	c.say(t, call(2))
	c.say(t, `{"jsonrpc":"2.0","id":3,"method":"ping"}`)
	c.want(t, `"id":3`, `"result":{}`)
	close(release)
	c.want(t, `"id":1`, "tools/call")
	first.Close()
	newGateway(t, dir, "", lines(echo))
	c.want(t, `"id":2`, "tools/call")
}

// A call that is cancelled while the gateway is being replaced runs in the old one,
// which hears of it; the next one hears of nothing.
func TestRelay_cancelledDuringThePause_reachesTheGatewayThatRunsIt(t *testing.T) {
	dir := folder(t)
	heard, cancelled := make(chan struct{}, 2), make(chan string, 1)
	first := servesStreams(t, dir, func(s attach.Streams) error {
		r := bufio.NewReader(s.In)
		for range 2 {
			_, _ = r.ReadString('\n')
			heard <- struct{}{}
		}
		_, err := io.ReadAll(r)
		cancelled <- string(<-s.Late)
		_, _ = io.WriteString(s.Out, `{"jsonrpc":"2.0","id":2,"result":{}}`+"\n")
		return err
	})
	c := newClient(t, dir, time.Minute)
	c.say(t, call(1))
	c.say(t, call(2))
	<-heard
	<-heard
	first.Pause(t.Context())
	c.say(t, `{"jsonrpc":"2.0","method":"notifications/other"}`)
	c.say(t, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}`)
	c.say(t, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	if got := <-cancelled; !strings.Contains(got, `"requestId":1}`) {
		t.Errorf("the gateway heard %q, want that 1 is cancelled and nothing else", got)
	}
	c.want(t, `"id":2`)
	first.Close()
	read := make(chan string, 10)
	newGateway(t, dir, "", lines(func(line string) string { read <- line; return echo(line) }))
	c.say(t, call(3))
	c.want(t, `"id":3`) // And not that 1 was lost.
	if got := <-read; !strings.Contains(got, `"id":3`) {
		t.Errorf("the next gateway got %s, want call 3 first", got)
	}
}

// A call that a gateway refuses because it ends goes to the next one.
func TestRelay_refusedByAGatewayThatEnds_goesToTheNext(t *testing.T) {
	dir := folder(t)
	heard := make(chan struct{})
	first := newGateway(t, dir, "", func(_ context.Context, _ attach.Hello, in io.Reader, out io.Writer) error {
		r := bufio.NewReader(in)
		for range 2 {
			if _, err := r.ReadString('\n'); err != nil {
				return err
			}
		}
		close(heard)
		_, err := io.ReadAll(r)
		_, _ = io.WriteString(out, `{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"error":{"code":"SERVER_UNAVAILABLE","message":"`+
			attach.ShuttingDown+` Try again."}},"isError":true,"_meta":{"io.gatehouse/origin":"gateway"}}}`+"\n")
		_, _ = io.WriteString(out, `{"jsonrpc":"2.0","id":2,"result":{"structuredContent":{"error":{"message":"`+
			attach.ShuttingDown+`"}},"isError":true,"_meta":{"io.gatehouse/origin":"server"}}}`+"\n")
		return err
	})
	c := newClient(t, dir, time.Minute)
	c.say(t, call(1))
	c.say(t, call(2))
	<-heard
	first.Pause(t.Context())
	c.want(t, `"id":2`, attach.ShuttingDown) // A server's words are passed on.
	first.Close()
	newGateway(t, dir, "", lines(echo))
	c.want(t, `"id":1`, `"got"`)
}

// Without a gateway a call is answered once its time is over, and the relay goes on
// trying.
func TestRelay_noGateway_callsAreAnsweredInTime(t *testing.T) {
	dir := folder(t)
	first := newGateway(t, dir, "", lines(echo))
	c := newClient(t, dir, soon)
	c.say(t, call(1))
	c.want(t, `"id":1`)
	first.Close()
	c.say(t, call(2))
	c.want(t, `"id":2`, "GATEWAY_UNAVAILABLE", "not run")
	c.say(t, call(3)) // Nobody waits any more.
	c.want(t, `"id":3`, "GATEWAY_UNAVAILABLE")
	newGateway(t, dir, "", lines(echo))
	for id := 4; ; id++ {
		c.say(t, call(id))
		if got := c.want(t, fmt.Sprintf(`"id":%d`, id)); strings.Contains(got, `"got"`) {
			break
		}
	}
}

func TestRelay_batchOfALostGateway_isAnsweredAsOne(t *testing.T) {
	dir := folder(t)
	read := make(chan string, 1)
	first := newGateway(t, dir, "", lines(func(line string) string { read <- line; return "" }))
	c := newClient(t, dir, time.Minute)
	c.say(t, `[`+call(1)+`,{"jsonrpc":"2.0","method":"notifications/x"},`+call(2)+`]`)
	<-read
	first.Close()
	if got := c.want(t, `"id":1`, `"id":2`); !strings.HasPrefix(got, "[") || strings.Count(got, "GATEWAY_LOST") != 2 {
		t.Errorf("got %s, want one array with two answers", got)
	}
}

// A gateway that has answered all that it owes leaves nothing unknown: an answer
// without an id, as a batch gets in a revision that has none, is one.
func TestRelay_batchThatIsRefused_isAnsweredOnce(t *testing.T) {
	dir := folder(t)
	newGateway(t, dir, "", lines(func(string) string {
		return `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no batches"}}`
	}))
	c := newClient(t, dir, time.Minute)
	c.say(t, `[`+call(1)+`,`+call(2)+`]`)
	c.want(t, `"no batches"`)
	_ = c.in.Close()
	if got, err := c.out.ReadString('\n'); err == nil {
		t.Errorf("got %s behind the answer, want the end", got)
	}
}

// A client that does not take the gateway's words ends the relay.
func TestRelay_clientGone_endsWithAnError(t *testing.T) {
	dir := folder(t)
	gone := make(chan error, 1)
	newGateway(t, dir, "", func(_ context.Context, _ attach.Hello, in io.Reader, out io.Writer) error {
		_, _ = io.WriteString(out, "hello\n")
		_, err := io.ReadAll(in)
		gone <- err
		return err
	})
	r := attach.NewRelay(attach.RelayOptions{
		In: strings.NewReader(""), Out: brokenWriter{}, Wait: soon, Note: func(string) {},
		Connect: func(ctx context.Context, _ *attach.Welcome) (*attach.Link, error) {
			return attach.Dial(ctx, dir+"/gw.sock", attach.Hello{})
		},
	})
	if err := r.Run(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want the error of the output", err)
	}
	<-gone
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A client that stops in the middle of a long line keeps nobody from noticing that
// the gateway has gone, nor the next one from being found.
func TestRelay_clientStopsWithinALongLine_theNextGatewayIsFound(t *testing.T) {
	dir := folder(t)
	first := newGateway(t, dir, "", func(_ context.Context, _ attach.Hello, in io.Reader, _ io.Writer) error {
		_, err := io.Copy(io.Discard, in)
		return err
	})
	c := newClient(t, dir, time.Minute)
	c.say(t, call(1))
	if _, err := io.WriteString(c.in, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"x":"`+strings.Repeat("x", 5<<20)); err != nil {
		t.Fatal(err)
	}
	first.Close()
	c.want(t, `"id":1`, "GATEWAY_LOST") // Said at once, and not when the line ends.
	second := make(chan struct{})
	newGateway(t, dir, "", func(ctx context.Context, h attach.Hello, in io.Reader, out io.Writer) error {
		close(second)
		return lines(echo)(ctx, h, in, out)
	})
	<-second
	c.say(t, `"}}`)
	c.want(t, `"id":2`, "not run")
	c.say(t, call(3))
	c.want(t, `"id":3`, "tools/call")
}

func TestRelay_pauseWithinALongLine_theLineGoesWhole(t *testing.T) {
	dir := folder(t)
	heard := make(chan string, 10)
	first := newGateway(t, dir, "", lines(func(line string) string {
		heard <- line
		return ""
	}))
	c := newClient(t, dir, time.Minute)
	long := `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"x":"` + strings.Repeat("x", 5<<20)
	if _, err := io.WriteString(c.in, long); err != nil {
		t.Fatal(err)
	}
	paused := make(chan struct{})
	go func() {
		first.Pause(t.Context())
		close(paused)
	}()
	c.say(t, `"}}`)
	<-paused
	if got := <-heard; got != long+`"}}` {
		t.Errorf("got %d bytes, want the line as it was sent, %d", len(got), len(long)+3)
	}
	c.say(t, call(3))
	first.Close()
	newGateway(t, dir, "", lines(echo))
	c.want(t, `"id":2`, "GATEWAY_LOST")
	c.want(t, `"id":3`, "tools/call")
}

func TestRelay_nextGatewayRefusesTheSession_isSaid(t *testing.T) {
	dir := folder(t)
	first := newGateway(t, dir, "", lines(echo))
	c := newClient(t, dir, time.Minute)
	c.say(t, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`)
	c.want(t, `"id":1`)
	first.Close()
	newGateway(t, dir, "", lines(func(line string) string {
		if id := idOf(line); strings.Contains(line, `"initialize"`) {
			return `{"jsonrpc":"2.0","id":` + id + `,"error":{"code":-32602,"message":"no such revision"}}`
		}
		return echo(line)
	}))
	for {
		if got := <-c.notes; strings.Contains(got, "does not take the session over: no such revision") {
			break
		}
	}
	c.say(t, call(2))
	c.want(t, `"id":2`) // The client hears nothing of what it did not ask.
}

// A gateway that has asked for a pause reads nothing behind the word that it has it: a line
// that is too long to be kept begins at the next one, or is refused. One that is under way
// goes on to its end.
func TestRelay_longLine_doesNotBeginBehindAPause(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 5)
		n, _ := io.ReadFull(far, b)
		got <- string(b[:n])
		_, _ = io.Copy(io.Discard, far) // Until the other end closes.
	}()
	if attach.SendPiece(near, true) {
		t.Error("the first piece was sent, want it kept back")
	}
	if !attach.SendPiece(near, false) {
		t.Error("a later piece was not sent, want it sent")
	}
	if text := <-got; text != "piece" {
		t.Errorf("got %q, want the later piece alone", text)
	}
}
