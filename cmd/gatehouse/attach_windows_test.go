package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	raw "unsafe" // The package has a function of that name.

	"golang.org/x/sys/windows"

	"gatehouse/testkit"
)

// Clients end the job of what they have started. The gateway has left it, where that
// is allowed, and is nobody's child; else its client is told that it will end.
func TestAttach_clientEndsItsJob_gatewayStaysIfItMay(t *testing.T) {
	const ends = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	for name, c := range map[string]struct {
		limits uint32
		stays  bool
	}{
		"a job that may be left":            {ends | windows.JOB_OBJECT_LIMIT_BREAKAWAY_OK, true},
		"a job that processes leave anyway": {ends | windows.JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, true},
		"a job that may not be left":        {ends, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t, testkit.Servers{"s": testkit.Fake(t)}, testkit.AllowAll("a"))
			job := newJob(t, c.limits)
			p.begin = func(cmd *exec.Cmd) error { return startIn(job, cmd) }
			a := p.open(t)
			p.begin = nil
			gateway := p.gateway(t)
			if parent, ok := testkit.Parents(t)[gateway]; !ok || testkit.Alive(parent) {
				t.Errorf("got a gateway that is a child of process %d, want one whose parent has ended", parent)
			}
			if !c.stays {
				a.saysOnStderr(t, "the shared gateway ends too")
			}
			_ = windows.CloseHandle(job)
			testkit.Eventually(t, "the client has ended", func() bool { return !testkit.Alive(a.cmd.Process.Pid) })
			if !c.stays {
				testkit.Eventually(t, "the gateway has ended", func() bool { return !testkit.Alive(gateway) })
				return
			}
			b := p.open(t)
			id := b.call(t, "s", "echo", "{}")
			if got := b.answer(t, id); got.IsError || p.gateway(t) != gateway {
				t.Errorf("the next client: got %s by gateway %d, want a result by gateway %d", got.raw, p.gateway(t), gateway)
			}
			if said := a.stderr.String(); said != "" {
				t.Errorf("the first client was told %q, want nothing", said)
			}
		})
	}
}

// A program that is connected starts attach by the command that connect has written, and
// doctor finds nothing wrong with it.
func TestAttach_programThatIsConnected_usesTheGateway(t *testing.T) {
	t.Parallel()
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t)}, testkit.AllowAll("cursor"))
	runIn(t, p.env, "connect", "cursor").want(t, exitFine, "Cursor")
	var file struct {
		MCPServers map[string]struct {
			Command string
			Args    []string
		}
	}
	if err := json.Unmarshal([]byte(readText(t, filepath.Join(p.home, ".cursor", "mcp.json"))), &file); err != nil {
		t.Fatal(err)
	}
	entry := file.MCPServers["gatehouse"]
	p.begin = func(cmd *exec.Cmd) error {
		cmd.Path, cmd.Args = entry.Command, append([]string{entry.Command}, entry.Args...)
		return cmd.Start()
	}
	a := p.open(t)
	a.say(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execute_tool","arguments":{"server":"s","tool":"echo"}}}`)
	if got := a.answer(t, 1); got.IsError {
		t.Errorf("got %s by %q %q, want a result", got.raw, entry.Command, entry.Args)
	}
	runIn(t, p.env, "doctor").want(t, exitFine, "use the gateway alone: Cursor", fmt.Sprintf("process %d, ", p.gateway(t)))
	runIn(t, p.env, "disconnect", "cursor").want(t, exitFine, "Cursor")
}

// newJob makes a job with these limits. The caller closes it.
func newJob(t *testing.T, flags uint32) windows.Handle {
	t.Helper()
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = flags
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(raw.Pointer(&limits)), uint32(raw.Sizeof(limits)))
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// startIn starts a process that is in a job before it does anything.
func startIn(job windows.Handle, cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_SUSPENDED}
	if err := cmd.Start(); err != nil {
		return err
	}
	h, err := windows.OpenProcess(windows.PROCESS_ALL_ACCESS, false, uint32(cmd.Process.Pid))
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(h) }()
	if err := windows.AssignProcessToJobObject(job, h); err != nil {
		return err
	}
	if status, _, _ := windows.NewLazySystemDLL("ntdll.dll").NewProc("NtResumeProcess").Call(uintptr(h)); status != 0 {
		return fmt.Errorf("process %d cannot go on: %#x", cmd.Process.Pid, status)
	}
	return nil
}
