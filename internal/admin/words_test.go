package admin_test

import (
	"runtime"
	"testing"

	"gatehouse/internal/admin"
)

func TestAuth_commandOfALogin_canBeCopied(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("words are quoted in another way there")
	}
	a := admin.Auth{State: admin.NeedsLogin}
	for server, want := range map[string]string{"notes": "log in with: gatehouse login notes", "my $notes": "log in with: gatehouse login 'my $notes'", "-x": "log in with: gatehouse login -- -x"} {
		if got := a.Text(server, ""); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
