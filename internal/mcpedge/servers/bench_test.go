package servers_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"

	"gatehouse/internal/mcpedge/servers"
)

// BenchmarkStdio is a round trip over the pipes of the system to a peer in
// this process that echoes without decoding.
func BenchmarkStdio(b *testing.B) {
	for _, size := range []int{64, 4 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("sequential/%dB", size), func(b *testing.B) {
			s := benchSession(b)
			req := tool(sized(size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Call(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("parallel/%dB", size), func(b *testing.B) {
			s := benchSession(b)
			req := tool(sized(size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := s.Call(b.Context(), req); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func benchSession(b *testing.B) *servers.Stdio {
	b.Helper()
	inR, inW, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	s := openOn(b, newPeerOn(b, inR, outW), servers.Pipes{Stdin: inW, Stdout: outR}, servers.Options{})
	go bytesEcho(inR, outW)
	return s
}

// bytesEcho answers each request with its params, by position in the line.
func bytesEcho(in io.Reader, out io.Writer) {
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		id, _, _ := bytes.Cut(line[len(`{"jsonrpc":"2.0","id":`):], []byte(","))
		_, params, _ := bytes.Cut(line, []byte(`"params":`))
		answer := append(append(append([]byte(`{"jsonrpc":"2.0","id":`), id...), `,"result":`...), params...)
		if _, err := out.Write(answer); err != nil {
			return
		}
	}
}
