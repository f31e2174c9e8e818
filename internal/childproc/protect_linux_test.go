package childproc_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/childproc"
)

// protectOf is the process that the role "reads an environment" reads.
const protectOf = "CHILDPROC_TEST_PROTECT_OF"

func init() {
	roles["is protected"] = func() {
		fmt.Println("protected", childproc.Protect())
		forever()
	}
	roles["is not protected"] = func() {
		fmt.Println("protected false")
		forever()
	}
	roles["reads an environment"] = func() {
		pid, _ := strconv.Atoi(os.Getenv(protectOf))
		for _, name := range []string{"environ", "mem"} {
			f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, name))
			if err == nil {
				_, err = f.Read(make([]byte, 1))
				_ = f.Close()
			}
			fmt.Println(name, os.IsPermission(err))
		}
	}
}

func TestProtect_anotherProcessOfTheSameUser_cannotLookInside(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"is protected": "environ true\nmem true\n", "is not protected": "environ false\nmem false\n"} {
		victim := sameUser(t, name, "")
		out, err := victim.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := victim.Start(); err != nil {
			t.Skipf("cannot start a process of another user: %v", err)
		}
		t.Cleanup(func() {
			_ = victim.Process.Kill()
			_ = victim.Wait() // It was killed.
		})
		var ready string
		var done bool
		if _, err := fmt.Fscan(out, &ready, &done); err != nil || done != (name == "is protected") {
			t.Fatalf("%s: it said %q %v, %v, want that it is ready, and protected if it says so", name, ready, done, err)
		}
		got, err := sameUser(t, "reads an environment", strconv.Itoa(victim.Process.Pid)).Output()
		if err != nil {
			t.Fatal(err)
		}
		if name == "is not protected" && strings.HasPrefix(string(got), "environ false") {
			continue // Whether its memory can be read depends on the system.
		}
		if string(got) != want {
			t.Errorf("%s: whether it was refused: got %q, want %q", name, got, want)
		}
	}
}

// sameUser is this program in a role. For root, who may read everything, it
// runs as another user.
func sameUser(t *testing.T, name, pid string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{role + "=" + name, protectOf + "=" + pid, "GORACE=atexit_sleep_ms=0"}
	cmd.Dir = "/"
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4242, Gid: 4242}}
	}
	return cmd
}
