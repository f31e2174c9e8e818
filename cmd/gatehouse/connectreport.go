package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

func (o *connectOptions) report(out io.Writer, e entry) {
	fmt.Fprintf(out, "%s is connected as agent %s, in %s\n", e.client.Title, o.agent, line(e.path))
	if e.record.Existed {
		fmt.Fprintf(out, "the original is kept in %s\n", line(e.backupPath()))
	}
	for _, path := range e.otherCopies() {
		fmt.Fprintf(out, "what the file was before an earlier connection is still kept in %s; remove it if you miss nothing\n", line(path))
	}
	e.reportServers(out)
	if e.why != "" {
		fmt.Fprintln(out, e.why)
	}
	fmt.Fprintln(out, e.client.After())
	fmt.Fprintf(out, "Undo: gatehouse disconnect %s\n", e.client.ID)
}

// reportServers says what has become of the servers in the file.
func (e entry) reportServers(out io.Writer) {
	if len(e.taken) > 0 {
		var names []string
		for _, server := range e.taken {
			names = append(names, server.Name)
		}
		fmt.Fprintf(out, "removed %s: now behind the gateway\n", namesInFile(names))
	}
	e.reportLeft(out)
	if len(e.back) > 0 {
		fmt.Fprintf(out, "put back %s: without --replace, %s starts them itself\n", namesInFile(e.back), e.client.Title)
	}
}

// reportLeft says which servers --replace leaves, and why.
func (e entry) reportLeft(out io.Writer) {
	for _, l := range e.left {
		fmt.Fprintf(out, "left %s: %s\n", namesInFile(l.servers), line(l.why))
	}
}

// namesInFile lists names of servers, one of which may be empty.
func namesInFile(names []string) string {
	shown := slices.Clone(names)
	for i, name := range shown {
		shown[i] = cmp.Or(name, `""`)
	}
	return list(shown)
}
