package servers_test

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

var errGone = &endpoint.Exit{Server: "odd", Reason: "exit status 3"}

func TestClose_givesItsCauseToWhoeverWaits(t *testing.T) {
	ended := make(chan error, 1)
	s, p := open(t, servers.Options{OnEnd: func(cause error) { ended <- cause }})
	written := call(t.Context(), s, tool(`1`))
	p.read()
	s.Close(errGone)
	s.Close(errors.New("too late to say"))
	if o := await(t, written); !errors.Is(o.err, errGone) || isNotWritten(o.err) {
		t.Errorf("the written call got %v, want %v of a request that was written", o.err, errGone)
	}
	await(t, s.Done())
	if got := s.Err(); !errors.Is(got, errGone) {
		t.Errorf("the session's error is %v, want %v", got, errGone)
	}
	if got := await(t, ended); !errors.Is(got, errGone) {
		t.Errorf("OnEnd got %v, want %v", got, errGone)
	}
	if _, err := s.Call(t.Context(), tool(`2`)); !isNotWritten(err) || !errors.Is(err, errGone) {
		t.Errorf("a call after the end got %v, want %v of a request that was not written", err, errGone)
	}
	if got := p.read(); got.line != "" {
		t.Errorf("the session wrote %s, want nothing", got.line)
	}
}

func TestErr_isNilBeforeTheEnd(t *testing.T) {
	s, _ := open(t, servers.Options{})
	if s.Err() != nil {
		t.Errorf("got %v, want the session to go on", s.Err())
	}
}

// The peer takes the bytes of one call only; the others must neither wait
// longer than they want to nor count as sent.
func TestCall_toAServerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		stuck := call(ctx, s, tool(`"stuck"`))
		synctest.Wait() // The writer is in the write of that call.
		queued := call(ctx, s, tool(`"queued"`))
		long, short := context.WithTimeout(t.Context(), time.Hour)
		defer short()
		patient := call(long, s, tool(`"patient"`))
		if o := <-stuck; !errors.Is(o.err, context.DeadlineExceeded) || isNotWritten(o.err) {
			t.Errorf("the call being written got %v, want %v of a request that was written", o.err, context.DeadlineExceeded)
		}
		if o := <-queued; !errors.Is(o.err, context.DeadlineExceeded) || !isNotWritten(o.err) {
			t.Errorf("the call that waited got %v, want %v of a request that was not written", o.err, context.DeadlineExceeded)
		}
		if o := <-patient; !errors.Is(o.err, servers.ErrNotReading) || !isNotWritten(o.err) {
			t.Errorf("the patient call got %v, want %v of a request that was not written", o.err, servers.ErrNotReading)
		}
		<-s.Done()
		if !errors.Is(s.Err(), servers.ErrNotReading) {
			t.Errorf("the session ended with %v, want %v", s.Err(), servers.ErrNotReading)
		}
		if got, _ := io.ReadAll(p.in); len(got) != 0 {
			t.Errorf("the peer still got %q", got)
		}
	})
}

func TestCall_toAServerThatReadsSlowly_isNotAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		params := `"` + strings.Repeat("x", 100<<10) + `"`
		done := call(t.Context(), s, tool(params))
		var got strings.Builder
		buffer := make([]byte, 16<<10)
		for !strings.HasSuffix(got.String(), "\n") {
			time.Sleep(9 * time.Second) // In the bubble: the pace of the server.
			n, err := p.raw.Read(buffer)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(buffer[:n])
		}
		p.write(`{"id":2,"result":{}}`)
		wantResult(t, <-done, `{}`)
	})
}

func TestCall_cancelledBeforeItWasWritten_neverReachesTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		first := call(t.Context(), s, tool(`"first"`))
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		second := call(ctx, s, tool(`"second"`))
		synctest.Wait()
		cancel()
		if o := <-second; !isNotWritten(o.err) {
			t.Errorf("got %v, want that it was not written", o.err)
		}
		third := call(t.Context(), s, tool(`"third"`))
		synctest.Wait()
		a, b := p.read(), p.read()
		if string(a.Params) != `"first"` || string(b.Params) != `"third"` {
			t.Errorf("the server got %s and %s, want \"first\" and \"third\"", a.line, b.line)
		}
		s.Close(errGone)
		<-first
		<-third
	})
}

// A real pipe holds some 64 KiB and knows deadlines.
func TestCall_toAProcessThatDoesNotRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("pipes know no write deadline on windows; there the end of the process ends the write")
	}
	t.Parallel()
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := newPeerOn(t, inR, outW)
	s := openOn(t, p, servers.Pipes{Stdin: inW, Stdout: outR}, servers.Options{WriteStall: time.Second})
	_, err = s.Call(t.Context(), tool(`"`+strings.Repeat("x", 4<<20)+`"`))
	if !errors.Is(err, servers.ErrNotReading) || isNotWritten(err) {
		t.Errorf("got %v, want %v of a request that was written", err, servers.ErrNotReading)
	}
	await(t, s.Done())
}

func TestEndOfOutput_deliversWhatCameAndAsksTheOwner(t *testing.T) {
	for name, last := range map[string]string{"with its newline": "\n", "without a newline": ""} {
		t.Run("the last answer comes "+name, func(t *testing.T) {
			var s *servers.Stdio
			opened := make(chan struct{})
			s, p := open(t, servers.Options{OnEOF: func() {
				<-opened
				s.Close(errGone)
			}})
			close(opened)
			answered := call(t.Context(), s, tool(`1`))
			id := p.read().ID
			running := call(t.Context(), s, tool(`2`))
			p.read()
			_, _ = p.out.Write([]byte(`{"id":` + string(id) + `,"result":"last words"}` + last))
			p.die()
			wantResult(t, await(t, answered), `"last words"`)
			if o := await(t, running); !errors.Is(o.err, errGone) || isNotWritten(o.err) {
				t.Errorf("got %v, want %v of a request that was written", o.err, errGone)
			}
			await(t, s.Done())
		})
	}
}

func TestEndOfOutput_withoutAnOwnerEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		running := call(t.Context(), s, tool(`1`))
		p.read()
		_ = p.out.Close()
		synctest.Wait()
		late := call(t.Context(), s, tool(`2`))
		synctest.Wait()
		if len(running) != 0 || len(late) != 0 {
			t.Fatal("the session did not wait for its owner")
		}
		if o := <-running; !errors.Is(o.err, servers.ErrOutputClosed) || isNotWritten(o.err) {
			t.Errorf("the running call got %v, want %v of a request that was written", o.err, servers.ErrOutputClosed)
		}
		if o := <-late; !errors.Is(o.err, servers.ErrOutputClosed) || !isNotWritten(o.err) {
			t.Errorf("the call after the end of the output got %v, want %v of a request that was not written", o.err, servers.ErrOutputClosed)
		}
		<-s.Done()
	})
}

// The owner knows that the process has ended, and why only when nothing is left of it,
// which may be never.
func TestEndOfOutput_ofAnOwnerWhoIsAboutToClose_waitsForTheReason(t *testing.T) {
	for name, c := range map[string]struct {
		first bool
		after time.Duration
		want  error
	}{
		"who says so before the end":                   {true, 9 * time.Second, errGone},
		"who says so after the end":                    {false, 9 * time.Second, errGone},
		"who says so before the end, and never closes": {true, time.Minute, servers.ErrOutputClosed},
		"who says so after the end, and never closes":  {false, time.Minute, servers.ErrOutputClosed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := open(t, servers.Options{})
				running := call(t.Context(), s, tool(`1`))
				p.read()
				if c.first {
					s.AwaitClose()
				}
				_ = p.out.Close()
				synctest.Wait()
				if !c.first {
					s.AwaitClose()
				}
				time.Sleep(c.after)
				synctest.Wait()
				s.Close(errGone)
				if o := <-running; !errors.Is(o.err, c.want) {
					t.Errorf("the running call got %v, want %v", o.err, c.want)
				}
				<-s.Done()
			})
		})
	}
}

func TestEndOfInput_endsTheSessionThoughTheServerStillTalks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		running := call(t.Context(), s, tool(`1`))
		id := p.read().ID
		_ = p.raw.Close()
		refused := call(t.Context(), s, tool(`2`))
		synctest.Wait()
		p.write(`{"id":%s,"result":"still here"}`, id)
		wantResult(t, <-running, `"still here"`)
		if o := <-refused; !errors.Is(o.err, servers.ErrInputClosed) || !isNotWritten(o.err) {
			t.Errorf("got %v, want %v of a request that was not written", o.err, servers.ErrInputClosed)
		}
		<-s.Done()
	})
}

// A batch of which the pipe took only the beginning.
func TestWriteFailure_knowsWhichCallsWereNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		stuck := call(t.Context(), s, tool(`"a"`))
		synctest.Wait()
		begun := call(t.Context(), s, tool(`"b"`))
		synctest.Wait()
		not := call(t.Context(), s, tool(`"c"`))
		synctest.Wait()
		p.read()
		synctest.Wait() // b and c are one write now.
		if _, err := io.ReadFull(p.raw, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		_ = p.raw.Close()
		if o := <-begun; !errors.Is(o.err, servers.ErrInputClosed) || isNotWritten(o.err) {
			t.Errorf("the call of which some bytes were written got %v, want %v of a request that was written", o.err, servers.ErrInputClosed)
		}
		if o := <-not; !errors.Is(o.err, servers.ErrInputClosed) || !isNotWritten(o.err) {
			t.Errorf("the call of which no byte was written got %v", o.err)
		}
		<-stuck
	})
}

func TestServerThatAsksInAFloodAndDoesNotListen_doesNotFillTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		for range 5000 { // More would take longer than a server may not listen.
			p.write(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
		}
		synctest.Wait()
		answers := 0
		go func() {
			for p.read().line != "" {
				answers++
			}
		}()
		synctest.Wait()
		if answers == 0 || answers > 4000 {
			t.Errorf("got %d answers, want between 1 and 4000", answers)
		}
		s.Close(nil)
		<-s.Done()
		p.die()
	})
}
