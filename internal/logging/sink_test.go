package logging_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/logging"
)

// reader is somebody who reads a log: not before open is closed, and not at
// all while gone is set.
type reader struct {
	bytes.Buffer

	open chan struct{}
	gone error
}

func (r *reader) Write(p []byte) (int, error) {
	<-r.open
	if r.gone != nil {
		return 0, r.gone
	}
	return r.Buffer.Write(p)
}

func reading() *reader {
	r := &reader{open: make(chan struct{})}
	close(r.open)
	return r
}

func TestSink_writesEveryLineInOrderBeforeItIsClosed(t *testing.T) {
	out := reading()
	s := logging.NewSink(out)
	var want strings.Builder
	for i := range 1000 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		_, _ = s.Write([]byte(line))
	}
	if !s.Close(time.Minute) {
		t.Fatal("not all was written")
	}
	if out.String() != want.String() {
		t.Errorf("got %d bytes, want the %d that were logged", out.Len(), want.Len())
	}
	if got, want := s.Stats(), (logging.SinkStats{Written: 1000}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSink_keepsNobodyWaitingForAReaderThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &reader{open: make(chan struct{})}
		s := logging.NewSink(out)
		line := bytes.Repeat([]byte("x"), 1<<10)
		for range 20_000 { // In a bubble a Write that blocks would be a deadlock.
			_, _ = s.Write(line)
		}
		synctest.Wait()
		lost := s.Stats().Lost
		if lost < 10_000 {
			t.Errorf("lost %d lines, want all beyond the queue", lost)
		}
		if s.Close(time.Second) {
			t.Error("it says that all was written")
		}
		close(out.open)
		synctest.Wait()
		if got := s.Stats(); got.Written+got.Lost != 20_000 || got.Lost != lost {
			t.Errorf("got %+v, want %d written", got, 20_000-lost)
		}
	})
}

func TestSink_countsWhatAReaderThatHasGoneDoesNotGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := reading()
		out.gone = errors.New("broken pipe")
		s := logging.NewSink(out)
		_, _ = s.Write([]byte("one\n"))
		synctest.Wait()
		if got, want := s.Stats(), (logging.SinkStats{Lost: 1, Err: "broken pipe"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		out.gone = nil
		_, _ = s.Write([]byte("two\n"))
		synctest.Wait()
		if got, want := s.Stats(), (logging.SinkStats{Written: 1, Lost: 1}); got != want {
			t.Errorf("once it is there again: got %+v, want %+v", got, want)
		}
		if !s.Close(time.Second) {
			t.Error("it says that something is left")
		}
		_, _ = s.Write([]byte("too late\n"))
		if got := s.Stats().Lost; got != 2 {
			t.Errorf("lost %d after it was closed, want 2", got)
		}
	})
}
