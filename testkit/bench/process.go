package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// process is a child of the bench. What it says on stderr goes to a file.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	began  time.Time
	log    string        // the file
	ended  chan struct{} // closed when the process is gone
}

// stopTime is how long a process may take for its end before it is killed.
const stopTime = 15 * time.Second

// start starts a process in a folder, whose log is named after it.
func start(ctx context.Context, dir, name string, env []string, command ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, stopTime
	p := &process{cmd: cmd, log: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stderr = log
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.stdout, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	p.began = time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // What it was for has been measured, or could not be.
	}()
	return p, nil
}

// firstLine reads what the process prints first.
func (p *process) firstLine() (string, error) {
	line, err := bufio.NewReader(p.stdout).ReadString('\n')
	if err != nil {
		return "", p.failed(err)
	}
	return strings.TrimSpace(line), nil
}

// stop ends the process and waits for its end.
func (p *process) stop() {
	if runtime.GOOS == "windows" || p.cmd.Process.Signal(os.Interrupt) != nil {
		_ = p.cmd.Process.Kill()
	}
	_ = p.stdin.Close()
	late := time.AfterFunc(stopTime, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	<-p.ended
}

// failed adds the end of the process's log to an error.
func (p *process) failed(err error) error {
	const most = 2000
	log, _ := os.ReadFile(p.log)
	if len(log) > most {
		log = log[len(log)-most:]
	}
	return fmt.Errorf("%w\nthe end of %s:\n%s", err, filepath.Base(p.log), log)
}
