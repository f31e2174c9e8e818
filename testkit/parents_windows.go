package testkit

import (
	"syscall"
	"testing"
	"unsafe"
)

// Parents lists the processes of the machine, each with the one that has started it.
func Parents(t testing.TB) map[int]int {
	t.Helper()
	snapshot, err := syscall.CreateToolhelp32Snapshot(syscall.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.CloseHandle(snapshot) }()
	parents := map[int]int{}
	e := syscall.ProcessEntry32{}
	e.Size = uint32(unsafe.Sizeof(e))
	for err := syscall.Process32First(snapshot, &e); err == nil; err = syscall.Process32Next(snapshot, &e) {
		parents[int(e.ProcessID)] = int(e.ParentProcessID)
	}
	return parents
}
