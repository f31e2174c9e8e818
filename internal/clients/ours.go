package clients

import (
	"errors"
	"slices"
	"strings"
)

// Ours reports whether all that has the name of gatehouse's entry in a client's file
// starts gatehouse, and there is some: others may use that name, too.
func (c *Client) Ours(f File, data []byte) bool {
	found := c.Read([]Source{{f, data}}, func(string) ([]byte, error) { return nil, errors.New("it does not matter here") })
	some := false
	for _, s := range found.Servers {
		if s.Written != EntryName {
			continue
		}
		if !s.startsUs() {
			return false
		}
		some = true
	}
	return some
}

// startsUs reports whether the server is gatehouse by its command, and not only by its
// name.
func (s *Server) startsUs() bool {
	path, _ := s.Command.Plain()
	program := programOf(path)
	if !s.Itself || program == EntryName || slices.Contains(runners, program) {
		return s.Itself
	}
	if len(s.Args) == 0 {
		return false
	}
	first, _ := s.Args[0].Plain()
	return first == "attach"
}

// programOf is the name of the program at a path.
func programOf(path string) string {
	return strings.TrimSuffix(path[strings.LastIndexAny(path, `/\`)+1:], ".exe")
}
