//go:build linux || darwin || freebsd

package audit

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// diskSpace returns how many bytes of a folder's disk this user may still write,
// and how many it has.
func diskSpace(folder string) (free, total uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return 0, 0, fmt.Errorf("cannot ask for the space on the disk: %w", err)
	}
	size := uint64(max(0, int64(st.Bsize)))                                                      //nolint:unconvert // Its type differs between systems.
	return uint64(max(0, int64(st.Bavail))) * size, uint64(max(0, int64(st.Blocks))) * size, nil //nolint:unconvert,gosec // As above, and no disk is that large.
}
