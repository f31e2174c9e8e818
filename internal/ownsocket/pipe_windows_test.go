package ownsocket_test

import (
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"gatehouse/internal/ownsocket"
	"gatehouse/testkit"
)

// byWine skips what wine does not do as Windows does.
func byWine(t *testing.T, what string) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("wine " + what)
	}
}

// listen makes a pipe, which is closed at the end of the test.
func listen(t *testing.T) (p *ownsocket.Pipe, number, name string) {
	t.Helper()
	number, name = numberOf(t)
	p, err := ownsocket.ListenPipe(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p, number, name
}

// numberOf is that of a pipe which the test makes itself.
func numberOf(t *testing.T) (number, name string) {
	t.Helper()
	number = hex.EncodeToString([]byte(strings.Repeat(t.Name(), 2))[5:][:ownsocket.NumberBytes])
	name, err := ownsocket.PipeName(number)
	if err != nil {
		t.Fatal(err)
	}
	return number, name
}

func us(t *testing.T) string {
	t.Helper()
	sid, err := ownsocket.User()
	if err != nil {
		t.Fatal(err)
	}
	return sid.String()
}

func TestPipe_accessIsItsUsersAlone(t *testing.T) {
	p, _, _ := listen(t)
	d, err := windows.GetSecurityInfo(ownsocket.Next(p), windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	want, err := windows.SecurityDescriptorFromString("O:" + us(t) + "D:P(A;;FA;;;" + us(t) + ")")
	if err != nil {
		t.Fatal(err)
	}
	got, _, _ := strings.Cut(d.String(), "S:") // Wine adds the label of trust.
	if got != want.String() {
		t.Errorf("got the access %s, want %s", got, want)
	}
}

func TestPipe_trustIsThatOfItsProcess(t *testing.T) {
	byWine(t, "prints the labels of trust otherwise")
	p, _, _ := listen(t)
	d, err := windows.GetSecurityInfo(ownsocket.Next(p), windows.SE_KERNEL_OBJECT, windows.LABEL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.String(); !strings.HasPrefix(got, "S:(ML;;NW;;;") {
		t.Errorf("got the label %s, want one against writing up", got)
	}
}

func TestPipe_nameThatIsTaken_isRefused(t *testing.T) {
	byWine(t, "makes a first instance as often as it is asked")
	_, _, name := listen(t)
	if second, err := ownsocket.ListenPipe(name); err == nil {
		_ = second.Close()
		t.Error("got a second pipe of one name, want an error")
	}
}

// foreign makes the pipe of a number as somebody else would, and the file of a socket
// that leads to it.
func foreign(t *testing.T, access string) (path string) {
	t.Helper()
	number, name := numberOf(t)
	d, err := windows.SecurityDescriptorFromString(access)
	if err != nil {
		t.Fatal(err)
	}
	a := &windows.SecurityAttributes{SecurityDescriptor: d}
	a.Length = uint32(unsafe.Sizeof(*a))
	h, err := ownsocket.PipeWith(name, a)
	if errors.Is(err, windows.ERROR_INVALID_OWNER) {
		t.Skip("the system lets nobody make the pipe of another user")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = windows.CloseHandle(h) })
	return leadsTo(t, number)
}

// leadsTo makes the file of a socket.
func leadsTo(t *testing.T, text string) (path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "own")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "s.sock")
	t.Cleanup(func() { _, _ = os.Remove(path), os.Remove(dir) }) // Wine knows nothing of what os.RemoveAll does.
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDial_pipeOfAnotherUser_isNobodys(t *testing.T) {
	const access = "O:S-1-5-21-1-2-3-1001D:(A;;FA;;;WD)"
	if got := ownsocket.Listening(t.Context(), foreign(t, access)); got != ownsocket.No {
		t.Errorf("got %v for somebody else's pipe, want %v", got, ownsocket.No)
	}
}

func TestDial_pipeWhoseEndsAreTaken_isGivenUp(t *testing.T) {
	_, number, _ := listen(t)
	path := leadsTo(t, number)
	c, err := ownsocket.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if c, err := ownsocket.Dial(t.Context(), path); !errors.Is(err, ownsocket.ErrBusy) {
		t.Errorf("got %v, %v of one that nobody accepts at, want %v", c, err, ownsocket.ErrBusy)
	}
	if got := ownsocket.Listening(t.Context(), path); got != ownsocket.Unknown {
		t.Errorf("got %v, want %v: its file stays", got, ownsocket.Unknown)
	}
}

func TestDial_pipeThatLetsNobodyIn_isNobodys(t *testing.T) {
	byWine(t, "lets everybody open a pipe")
	path := foreign(t, "O:"+us(t)+"D:P")
	if c, err := ownsocket.Dial(t.Context(), path); !errors.Is(err, ownsocket.ErrNobody) {
		t.Errorf("got %v, %v, want that nobody listens", c, err)
	}
}

// So is the pipe of a gateway that runs as administrator to a process that does not.
func TestDial_ownPipeThatMayOnlyBeRead_isDenied(t *testing.T) {
	byWine(t, "lets everybody open a pipe")
	path := foreign(t, "O:"+us(t)+"D:P(A;;FR;;;"+us(t)+")")
	if c, err := ownsocket.Dial(t.Context(), path); !errors.Is(err, ownsocket.ErrDenied) {
		t.Errorf("got %v, %v, want %v", c, err, ownsocket.ErrDenied)
	}
}

func TestDial_otherSideMayNotActAsUs(t *testing.T) {
	byWine(t, "pays no heed to the level that a client allows")
	p, _, name := listen(t)
	h, err := ownsocket.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ownsocket.Ours(h, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("x")); err != nil { // The system asks that something was read.
		t.Fatal(err)
	}
	s, err := p.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if got, err := ownsocket.ActAs(s); err != nil || got != windows.SecurityIdentification {
		t.Errorf("got the level %d, %v, want %d: to learn who it is, no more", got, err, windows.SecurityIdentification)
	}
}

func TestDial_fileThatNamesNoPipe_isRefused(t *testing.T) {
	for _, text := range []string{"", `\\example.com\pipe\x`, `..\x`, strings.Repeat("z", 2*ownsocket.NumberBytes), strings.Repeat("0", 2*ownsocket.NumberBytes) + "0"} {
		if c, err := ownsocket.Dial(t.Context(), leadsTo(t, text)); err == nil {
			_ = c.Close()
			t.Errorf("got a connection by a file with %q, want an error", text)
		}
	}
}

func TestDial_allEndsTaken_waitsForTheNext(t *testing.T) {
	p, number, _ := listen(t)
	path := leadsTo(t, number)
	bound := time.AfterFunc(20*time.Second, func() { _ = p.Close() }) // If one gives up, nobody comes in its place.
	defer bound.Stop()
	const clients = 20
	dialled := make(chan error, clients)
	end := make(chan struct{})
	defer close(end)
	for range clients {
		go func() {
			c, err := ownsocket.Dial(t.Context(), path)
			dialled <- err
			if <-end; err == nil {
				_ = c.Close()
			}
		}()
	}
	for range clients {
		c, err := p.Accept()
		if err != nil {
			t.Error(err)
			break
		}
		defer func() { _ = c.Close() }()
	}
	for range clients {
		if err := <-dialled; err != nil {
			t.Error(err)
		}
	}
}

// onlyEnd makes a pipe with this name that can have no second end, in the place of
// what p has.
func onlyEnd(t *testing.T, p *ownsocket.Pipe, name string) windows.Handle {
	t.Helper()
	ownsocket.DropNext(p)
	wide, err := windows.UTF16PtrFromString(name)
	if err != nil {
		t.Fatal(err)
	}
	h, err := windows.CreateNamedPipe(wide, windows.PIPE_ACCESS_DUPLEX|windows.FILE_FLAG_OVERLAPPED, windows.PIPE_TYPE_BYTE, 1, 0, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAccept_endThatCannotBeMade_isTriedAgain(t *testing.T) {
	p, number, name := listen(t)
	other := onlyEnd(t, p, name)
	accepted := make(chan error, 1)
	go func() {
		c, err := p.Accept()
		if err == nil {
			_ = c.Close()
		}
		accepted <- err
	}()
	select {
	case err := <-accepted:
		t.Fatalf("got %v, want that it waits", err)
	case <-time.After(200 * time.Millisecond):
	}
	_ = windows.CloseHandle(other)
	path := leadsTo(t, number)
	testkit.Eventually(t, "it is there", func() bool {
		c, err := ownsocket.Dial(t.Context(), path)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	if err := <-accepted; err != nil {
		t.Errorf("got %v, want a connection", err)
	}
}

func TestAccept_closedWhileItTriesAgain_ends(t *testing.T) {
	p, _, name := listen(t)
	other := onlyEnd(t, p, name)
	defer func() { _ = windows.CloseHandle(other) }()
	time.AfterFunc(200*time.Millisecond, func() { _ = p.Close() })
	if c, err := p.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, %v, want %v", c, err, net.ErrClosed)
	}
}
