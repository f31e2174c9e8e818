package doctor

import (
	"time"

	"gatehouse/internal/jsondoc"
)

// Facts are all that is judged. None of it is secret.
type Facts struct {
	Now         time.Time
	Program     Program
	Descriptors int // how many a process may have open
	Folders     []Folder
	Socket      Folder
	Port        Port
	Files       Files
	Servers     []Server // of the servers file, those that are switched on
	KeepsPath   bool     // whether a PATH is kept for gateways in the background
	Runtimes    []Runtime
	Gateways    []Gateway
	// Silent are the sockets of gateways that do not answer.
	Silent  []string
	Clients []Client
}

// Program is the program that runs.
type Program struct {
	Version, Path string
	Built         time.Time // zero if unknown
	// OnPath is the path of the program of that name in PATH, if it is another one.
	OnPath string
}

// Folder is a folder that gatehouse writes to.
type Folder struct {
	What, Path string
	Missing    bool   // It will be made.
	Problem    string // why it cannot be used; empty if it can
}

// Port is the address at which "gatehouse run --transport http" listens unless
// it is told otherwise.
type Port struct {
	Address string
	Problem string // why nobody can listen there; empty if it is free
}

// Files are the files that "gatehouse run" would use.
type Files struct {
	Missing string // why they were not found; empty if they were
	// Servers and Rules are their paths.
	Servers, Rules string
	// FolderWord is the folder of the servers file, as a shell takes it.
	FolderWord string
	// Shared is set if "gatehouse attach" uses the same servers and rules;
	// SharedServers is the servers file that it uses, empty if there is none.
	Shared        bool
	SharedServers string
	Problems      []jsondoc.Problem
	Agents        int
}

// Server is a server of the servers file.
type Server struct {
	Name    string
	Command string // empty for an address
	// Here and Background say why the command is not found: with the environment
	// of this shell, and of a gateway in the background. Empty if it is found.
	Here, Background string
	// Desktop is set if it is found with the PATH that desktop programs give their
	// children.
	Desktop bool
	// Unset says what it lacks with the environment of a gateway in the background
	// but has in this shell; empty if nothing.
	Unset string
	// Lost are variables that it gets by env_pass in this shell only.
	Lost []string
}

// Runtime is a program that servers are run by, such as node.
type Runtime struct {
	Name string
	Path string // empty if it is not there
	// Servers are those that need it.
	Servers []string
	// Problem says why it would not work although it is there.
	Problem string
	Install string // how to get it
}

// Gateway is a gateway that runs.
type Gateway struct {
	PID            int
	Version        string
	Reached        string // how: an address, stdio or attach
	Args           string // that it was started with, if attach has started it
	Background     bool   // whether attach has started it
	Servers, Rules string // its files, links resolved
	SameFiles      bool   // whether those are the files of this check
	Unreadable     string // why its rules cannot be read; empty if they can
	Rejected       []string
	States         []State
}

// State is how a server of a running gateway is.
type State struct {
	Name, State, Reason string
	// Failing is set if calls are refused for it.
	Failing bool
	Do      string
}

// Client is another program that uses MCP servers, and whose configuration is
// here.
type Client struct {
	ID, Title, File string
	Problem         string // why its file cannot be read
	// Connectable is set if "gatehouse connect" knows it.
	Connectable bool
	// Attached is set if it uses the shared gateway, Runs if it starts a gateway of
	// its own.
	Attached, Runs bool
	// Broken says why its entry of gatehouse does not work; empty if it does.
	Broken string
	// Own are the servers that it starts by itself.
	Own []string
}
