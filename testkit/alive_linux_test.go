package testkit_test

import (
	"os"
	"testing"
	"time"

	"gatehouse/testkit"
)

// A pid of long ago may be another process's by now.
func TestBegunAfter_tellsProcessesOfOnePidApart(t *testing.T) {
	self := os.Getpid()
	if testkit.BegunAfter(self, time.Now()) {
		t.Error("this process began after this moment, want it before")
	}
	if !testkit.BegunAfter(self, time.Now().Add(-24*time.Hour)) {
		t.Error("this process began more than a day ago, want it today")
	}
	if testkit.BegunAfter(1<<30, time.Time{}) {
		t.Error("there is a process that cannot be, want none")
	}
}
