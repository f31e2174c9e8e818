// Command gatehouse is an MCP gateway: one process between agents and many
// MCP servers. This package is the only place where its parts are wired.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/internal/terminal"
)

// The exit codes of every command.
const (
	exitFine  = 0
	exitNo    = 1 // the answer is no: problems, denied, failing, not ready
	exitUsage = 2 // wrong use
	exitNone  = 3 // no gateway is running
)

func main() { os.Exit(Main()) }

// Main runs the command line of the process and returns its exit code.
func Main() int {
	log.SetOutput(terminal.Safe(os.Stderr)) // That of libraries which know no better; it is the whole process's.
	return run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// exitError ends a command with a code. Its text, if any, is printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// errNo ends a command with exitNo and prints nothing.
var errNo = &exitError{code: exitNo}

func failed(err error) error { return &exitError{code: exitNo, err: err} }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	stdout, stderr = terminal.Safe(stdout), terminal.Safe(stderr) // Whatever a command prints goes through these.
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteC()
	if err == nil {
		return exitFine
	}
	code := exitUsage
	if e, ok := errors.AsType[*exitError](err); ok {
		code = e.code
		if e.err == nil {
			return code
		}
	}
	fmt.Fprintf(stderr, "gatehouse: %s\n", err)
	if code == exitUsage {
		fmt.Fprintf(stderr, "Run \"%s --help\" for usage.\n", cmd.CommandPath())
	}
	return code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "An MCP gateway: many servers behind four tools, rules, hot reload, supervision",
		Long: `gatehouse stands between AI agents (MCP clients) and many MCP servers. It reads
.mcp.json (the servers) and .mcp-gateway-rules.json (which agent may use which
server and tool), shows agents four small tools, picks up changes to both files
while it runs, and restarts servers that crash.

Without a command it runs the gateway, as "gatehouse run" does.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	}
	root.SetVersionTemplate("gatehouse {{.Version}}\n")
	color := &colorOption{}
	color.register(root.PersistentFlags())
	runs := newRunCommand(color)
	root.Args, root.RunE = noSuchCommand, runs.RunE
	root.Flags().AddFlagSet(runs.Flags())
	root.AddCommand(runs, newAttachCommand(), newInitCommand(), newImportCommand(), newConnectCommand(), newDisconnectCommand(), newLoginCommand(), newLogoutCommand(), newDoctorCommand(), newValidateCommand(), newApplyCommand(), newExplainCommand(), newPolicyCommand(), newAuditCommand(), newTokenCommand(), newTrustCommand(), newVariableCommand(), newDemoServerCommand(), newVersionCommand(), newManCommand())
	root.AddCommand(newStatusCommand(color), newFleetCommand(), newLogsCommand(color), newReloadCommand(), newRestartCommand(), newReleaseCommand(),
		newHoldCommand(), newMoveCommand(), newToolsCommand(), newFindCommand(), newCallCommand(), newOpsCommand())
	root.CompletionOptions.HiddenDefaultCmd = true
	root.InitDefaultCompletionCmd()
	root.SetHelpCommand(newHelpCommand())
	root.InitDefaultHelpCmd()
	root.SetHelpFunc(showHelp)
	furnish(root)
	return root
}
