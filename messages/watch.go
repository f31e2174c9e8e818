package messages

import (
	"log/slog"

	"gatehouse/internal/vars"
)

// FileRole says what a watched file is to the gateway.
type FileRole string

// The roles of watched files.
const (
	// RoleServers is .mcp.json.
	RoleServers FileRole = "servers"
	// RoleRules is .mcp-gateway-rules.json.
	RoleRules FileRole = "rules"
	// RoleEnv is a file given by --env-file.
	RoleEnv FileRole = "env"
	// RoleKeyring is the list of variables whose values are in the keyring of the
	// system.
	RoleKeyring FileRole = "keyring"
	// RoleDependency is a file that an entry refers to: its envFile, or a
	// ${file:PATH}.
	RoleDependency FileRole = "dependency"
	// RoleTrust is the record of what the owners of projects have approved.
	RoleTrust FileRole = "trust"
)

// What makes the watcher look at a file.
const (
	// TriggerChange is an event of the file system.
	TriggerChange = "change"
	// TriggerFleet is what a fleet has agreed on.
	TriggerFleet = "fleet"
	// TriggerPoll is the slow poll, for changes without an event.
	TriggerPoll = "poll"
	// TriggerSighup is a SIGHUP.
	TriggerSighup = "sighup"
	// TriggerReload is an operator who asked for it.
	TriggerReload = "reload"
	// TriggerNamed is an entry that names the file, which nobody has read yet.
	TriggerNamed = "named"
)

// ConfigChanged says that a watched file has settled and holds other bytes
// than before, or can't be read any more. Exactly one of Err and Hash is
// empty. Whoever gets it must not write to Content.
type ConfigChanged struct {
	Role FileRole
	// Path is the path under which the file is watched.
	Path string
	// Content is the whole file; nil if it could not be read.
	Content []byte
	// Hash is the SHA-256 of Content in lower-case hex.
	Hash string
	// Stored is what the keyring has answered about the variables that a file of
	// RoleKeyring lists, by name. Whoever gets it must not write to it.
	Stored map[string]vars.Stored
	// Err says why the file could not be read: missing, not readable, too
	// large or not a regular file. It names the path; Reason does not.
	Err, Reason string
	// Unreadable means that something is at the path which cannot be read, so
	// that nobody knows what its owner wants.
	Unreadable bool
	// Missing means that nothing is at the path.
	Missing bool
	// Forced means that somebody asked for it: the bytes may be unchanged, but
	// what they refer to may not be.
	Forced bool
	// Trigger is one of the Trigger constants: what made the watcher look.
	Trigger string
}

// Mark is short and equal for two contents of a file exactly if they are: the
// hash, or why the file could not be read.
func (m ConfigChanged) Mark() string {
	if m.Err != "" {
		return "! " + m.Err
	}
	return m.Hash
}

// LogValue implements slog.LogValuer. It never shows the content, nor what is in a
// keyring, which may hold secrets.
func (m ConfigChanged) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("role", string(m.Role)), slog.String("file", m.Path), slog.String("trigger", m.Trigger),
		slog.Bool("forced", m.Forced), slog.Int("bytes", len(m.Content)),
	}
	if m.Err != "" {
		return slog.GroupValue(append(attrs, slog.String("err", m.Err))...)
	}
	return slog.GroupValue(append(attrs, slog.String("hash", m.Hash))...)
}

// FileUnreadable says that a file may have changed and cannot be read for lack of
// descriptors or memory. The watcher goes on trying: a forced ConfigChanged
// follows.
type FileUnreadable struct {
	Role   FileRole
	Path   string
	Reason string
}

// WatchFiles tells the watcher which files of one role it has to watch from
// now on; the earlier ones of that role are forgotten, other roles stay as
// they are. A file that was watched before stays known. The watcher looks at a
// new one soon and sends a ConfigChanged in any case: its content may have
// changed since the sender has read it.
//
// The sender waits for the files in Unread. The watcher reads them at once and
// answers with a ConfigChanged for each, with an Err if there are too many.
type WatchFiles struct {
	Role FileRole
	// Paths is in any order; a path that occurs twice counts once.
	Paths []string
	// Unread are among Paths.
	Unread []string
}

// LogValue implements slog.LogValuer.
func (m WatchFiles) LogValue() slog.Value {
	return slog.GroupValue(slog.String("role", string(m.Role)), slog.Any("files", m.Paths), slog.Any("unread", m.Unread))
}

// Rescan tells the watcher to look at every file at once and to send a forced
// ConfigChanged for each: the record of approvals first, then env files, the
// keyring and dependencies, then rules, then servers.
type Rescan struct {
	// Trigger is TriggerSighup or TriggerReload.
	Trigger string
}

// LogValue implements slog.LogValuer.
func (m Rescan) LogValue() slog.Value {
	return slog.GroupValue(slog.String("trigger", m.Trigger))
}
