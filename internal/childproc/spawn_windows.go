package childproc

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// sysProcAttr has the child wait at its first instruction until spawn resumes it.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_SUSPENDED, HideWindow: true}
}

// spawn starts cmd in a group of its own, which it is in before it runs: so all that it
// starts is in it, too.
func spawn(cmd *exec.Cmd, _ bool) (group, error) {
	if err := cmd.Start(); err != nil {
		return group{}, err //nolint:wrapcheck // Its only caller says what could not be done.
	}
	g := newGroup(cmd.Process)
	if err := resume(id(cmd.Process)); err != nil {
		g.kill()
		_ = cmd.Wait() // It says only that it was killed.
		g.close()
		// None of the kinds that mean that the program cannot be executed: it was.
		return group{}, fmt.Errorf("it cannot begin to run: %v", err) //nolint:errorlint // See above.
	}
	return g, nil
}

// resume has a process go on that was started suspended. That has one thread; those that
// other programs may have put there already are resumed as well, if they wait.
func resume(pid uint32) error {
	ids, err := threads(pid)
	if err != nil {
		return err
	}
	resumed := false
	for _, id := range ids {
		waited, err := resumeThread(id)
		if err != nil {
			return err
		}
		resumed = resumed || waited
	}
	if !resumed {
		return errors.New("none of its threads waits")
	}
	return nil
}

// threads lists the threads of a process.
func threads(pid uint32) (ids []uint32, err error) {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot list threads: %w", err)
	}
	defer func() { _ = windows.CloseHandle(all) }()
	thread := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(all, &thread); err == nil; err = windows.Thread32Next(all, &thread) {
		if thread.OwnerProcessID == pid {
			ids = append(ids, thread.ThreadID)
		}
	}
	return ids, nil // The error says that there are no more.
}

// resumeThread resumes a thread, and reports whether it was suspended.
func resumeThread(id uint32) (waited bool, err error) {
	h, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, id)
	if err != nil {
		return false, fmt.Errorf("cannot open its thread: %w", err)
	}
	defer func() { _ = windows.CloseHandle(h) }()
	times, err := windows.ResumeThread(h)
	if err != nil {
		return false, fmt.Errorf("cannot resume its thread: %w", err)
	}
	return times > 0, nil
}
