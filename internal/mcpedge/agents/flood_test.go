package agents_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/agents"
)

// flood reports progress in large pieces, all at once.
type flood struct {
	*script

	reported chan struct{}
}

func (f flood) CallTool(_ context.Context, _ agents.Caller, t agents.ToolCall, dst []byte) ([]byte, bool) {
	for i := range 40 {
		t.Progress(json.RawMessage(fmt.Sprintf(`{"progress":%d,"message":%q}`, i, strings.Repeat("x", 200<<10))))
	}
	close(f.reported)
	return append(dst, `{"content":[]}`...), true
}

// A server may report much to a client that reads little: what waits is
// limited, and the latest of it arrives.
func TestProgress_ofManyBytes_isDroppedForASlowClient(t *testing.T) {
	h := flood{newScript(), make(chan struct{})}
	front := newEdge(t, h, nil)
	in, inW := io.Pipe()
	out, outW := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- front.ServeStdio(context.Background(), in, outW)
		outW.Close()
	}()
	go fmt.Fprintln(inW, callWithToken("1", "progress", "7"))
	receive(t, h.reported) // Nothing has been read so far.
	lines := bufio.NewReader(out)
	var last string
	size := 0
	for {
		l, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(l, `"result"`) {
			break
		}
		last, size = l, size+len(l)
	}
	if size > 2<<20 || !strings.Contains(last, `"progress":39`) {
		t.Errorf("got %d bytes, the last of them %.100s, want 2 MiB at most and progress 39", size, last)
	}
	inW.Close()
	if err := receive(t, served); err != nil {
		t.Error(err)
	}
}
