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
	for name, want := range map[string]string{"my $notes": "log in with: gatehouse login 'my $notes'", "-x": "log in with: gatehouse login -- -x"} {
		for _, asked := range []bool{true, false} {
			if got := server.AuthCure(serversfile.Entry{Name: name, Transport: serversfile.HTTP}, asked); !strings.HasPrefix(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}
