package surface

import "gatehouse/internal/tasks"

// Book is where the tasks are kept, for tests.
func (t *Tasks) Book() *tasks.Book { return &t.book }

// SplitURI takes a prefixed URI apart.
func SplitURI(prefixed string) (server, uri string, ok bool) { return splitURI(prefixed) }

// PrefixedURI puts the prefix of a server before one of its URIs.
func PrefixedURI(server, uri string) string { return uriPrefix(server) + uri }
