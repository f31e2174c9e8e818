package childproc

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a job object that holds the child and what it starts. It is best effort:
// where the system makes no job, a child runs without one.
type group struct {
	job windows.Handle // 0 if there is none
	p   *os.Process
}

func newGroup(p *os.Process) group {
	g := group{p: p}
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return g
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))) //nolint:gosec // It is how the call takes a struct.
	if err != nil || !assign(job, p) {
		_ = windows.CloseHandle(job)
		return g
	}
	jobs.Lock()
	defer jobs.Unlock()
	jobs.open[job] = struct{}{}
	g.job = job
	return g
}

// jobs are those of the children that live.
var jobs = struct {
	sync.Mutex

	open map[windows.Handle]struct{}
}{open: map[windows.Handle]struct{}{}}

var isProcessInJob = windows.NewLazySystemDLL("kernel32.dll").NewProc("IsProcessInJob")

// inJob reports whether a process is in the job of a child, or whether the system does
// not say that.
func inJob(process windows.Handle) bool {
	jobs.Lock()
	defer jobs.Unlock()
	for job := range jobs.open {
		var is int32
		ok, _, _ := isProcessInJob.Call(uintptr(process), uintptr(job), uintptr(unsafe.Pointer(&is))) //nolint:gosec // It is how the call returns a value.
		if ok == 0 || is != 0 {
			return true
		}
	}
	return false
}

// assign puts the process into job and reports whether that went well.
func assign(job windows.Handle, p *os.Process) bool {
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, id(p))
	if err != nil {
		return false
	}
	defer func() { _ = windows.CloseHandle(h) }()
	return windows.AssignProcessToJobObject(job, h) == nil
}

func id(p *os.Process) uint32 { return uint32(p.Pid) } //nolint:gosec // The system made it of an uint32.

func (g group) kill() {
	if g.job != 0 {
		_ = windows.TerminateJobObject(g.job, 1)
		return
	}
	_ = g.p.Kill()
}

// terminate reaches the group only if it shares a console with the gateway.
func (g group) terminate() {
	_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, id(g.p))
}

func (g group) close() {
	if g.job == 0 {
		return
	}
	jobs.Lock()
	defer jobs.Unlock()
	delete(jobs.open, g.job)
	_ = windows.CloseHandle(g.job)
}
