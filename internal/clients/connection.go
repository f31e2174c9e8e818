package clients

// EntryName is what gatehouse is called in the configuration of clients.
const EntryName = "gatehouse"

// Command is what a client starts.
type Command struct {
	Path string // absolute
	Args []string
}

// field is a member of an entry, in the order in which it is written. A value is
// a string, a bool, an int, a list of strings, or fields again.
type field struct {
	key   string
	value any
}

func (c Command) fields() []field { return []field{{"command", c.Path}, {"args", c.Args}} }

// connection is how gatehouse is entered in the configuration of a client.
type connection struct {
	// file is the file to write: one of those that are there, else the one that
	// the client would make.
	file func(p Place, files []File, exists func(path string) bool) string
	// keys lead to the servers.
	keys []string
	// listed is set if the servers are a list, and say their names themselves.
	listed bool
	entry  func(Command) []field
	// after is what happens next, for people.
	after string
}

// firstFile is the first of the client's files.
func firstFile(_ Place, files []File, _ func(string) bool) string { return files[0].Path }
