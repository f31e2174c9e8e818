package childproc_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/childproc"
)

func TestProcFile_ofAnySize_isReadToItsLimit(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 1000, 1023, 1024, 1025, 100_000} {
		entry := "A=" + strings.Repeat("x", size-1)
		child := exec.Command("cat")
		child.Env = []string{entry}
		in, err := child.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// Start returns in the middle of exec, when the new program has no environment yet.
		if _, err := io.WriteString(in, "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		want := append([]byte(entry), 0)
		for _, limit := range []int{1, len(want) - 1, len(want), len(want) + 1, 1 << 20} {
			got, err := childproc.ProcFile(child.Process.Pid, "environ", limit)
			if want := want[:min(limit, len(want))]; err != nil || !bytes.Equal(got, want) {
				t.Errorf("size %d, limit %d: got %d bytes and the error %v, want the first %d", size, limit, len(got), err, len(want))
			}
		}
		_ = in.Close()
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestProcFile_ofNobody_isAnError(t *testing.T) {
	t.Parallel()
	if got, err := childproc.ProcFile(1<<30, "stat", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %q and the error %v, want one of a missing file", got, err)
	}
}

// A guard knows nothing of the gateway's surroundings, whose secrets are there,
// but how its race detector was told to behave.
func TestGuardEnviron_hasTheOptionsOfTheRaceDetectorAndNothingElse(t *testing.T) {
	t.Setenv("SECRET", "s3cr3t")
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	want := []string{"GATEHOUSE_GUARD=me", "GATEHOUSE_GUARD_RECORD=file", "GOMAXPROCS=1", "GOGC=50", "GORACE=atexit_sleep_ms=0"}
	if got := childproc.GuardEnviron("me", "file"); !slices.Equal(got, want) {
		t.Errorf("got the environment %q, want %q", got, want)
	}
	if err := os.Unsetenv("GORACE"); err != nil {
		t.Fatal(err)
	}
	if got := childproc.GuardEnviron("me", "file"); !slices.Equal(got, want[:4]) {
		t.Errorf("got the environment %q, want %q", got, want[:4])
	}
}
