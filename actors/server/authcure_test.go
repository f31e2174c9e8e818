package server_test

import (
	"runtime"
	"strings"
	"testing"

	"gatehouse/actors/server"
	"gatehouse/internal/serversfile"
)

func TestRefused_commandOfALogin_canBeCopied(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("words are quoted in another way there")
	}
	for _, asked := range []bool{true, false} {
		got := server.AuthCure(serversfile.Entry{Name: "my $notes", Transport: serversfile.HTTP}, asked)
		if want := "log in with: gatehouse login 'my $notes'"; !strings.HasPrefix(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
