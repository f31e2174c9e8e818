//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package audit

import "os"

// Here are no locks between open files: one gateway a file, please.

func tryLock(*os.File) error { return nil }

func unlock(*os.File) error { return nil }
