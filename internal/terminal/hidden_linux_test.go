package terminal_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/internal/terminal"
)

// openTerminal is a terminal, and the one who sits in front of it.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminals here:", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	fd := int(person.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skip("no terminals here:", err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

func TestHide_whatIsTypedIsReadAndNotShown(t *testing.T) {
	person, program := openTerminal(t)
	f, ok := terminal.Input(program)
	if !ok {
		t.Fatal("got no terminal, want one")
	}
	restore, err := terminal.Hide(f)
	if err != nil {
		t.Fatal(err)
	}
	in, shown := bufio.NewReader(program), bufio.NewReader(person)
	typed := func(text string) {
		t.Helper()
		if _, err := person.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if got, err := in.ReadString('\n'); got != text || err != nil {
			t.Errorf("got %q, %v; want what was typed, %q", got, err, text)
		}
	}
	typed("marked-secret\n")
	restore()
	typed("visible\n")
	if got, err := shown.ReadString('\n'); strings.TrimSpace(got) != "visible" || err != nil {
		t.Errorf("got %q, %v on the terminal, want only what was typed after it", got, err)
	}
}

func TestInput_ofWhatIsNoTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, r := range []io.Reader{null, strings.NewReader("x")} {
		if _, ok := terminal.Input(r); ok {
			t.Errorf("%T: got a terminal, want none", r)
		}
	}
}
