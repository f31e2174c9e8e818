package ownsocket

import "io/fs"

// ownerOnly trusts the folder's access list: the folders that are used belong
// to the user's profile.
func ownerOnly(string, fs.FileInfo) error { return nil }

// maxPath is as good as no limit: the file of a socket is one like any other.
const maxPath = 1 << 15
