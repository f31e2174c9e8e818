//go:build !unix

package ownsocket

import "io/fs"

// ownerOnly trusts the folder's access list: the folders that are used belong
// to the user's profile.
func ownerOnly(string, fs.FileInfo) error { return nil }

// Sockets are no files that could be renamed.
const renames = false
