package childproc_test

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"gatehouse/internal/childproc"
)

func TestHoldsSocket_onlyWhereAProcessBelowHasIt(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	info, err := socket.Stat()
	if err != nil {
		t.Fatal(err)
	}
	inode := info.Sys().(*syscall.Stat_t).Ino
	if childproc.HoldsSocket(inode) {
		t.Error("of this process alone: got true, want false")
	}
	child := exec.CommandContext(t.Context(), "cat")
	child.ExtraFiles = []*os.File{socket}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if !childproc.HoldsSocket(inode) {
		t.Error("of a child that has it: got false, want true")
	}
	in.Close()
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if childproc.HoldsSocket(inode) {
		t.Error("of a child that has ended: got true, want false")
	}
}
