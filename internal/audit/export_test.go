package audit

// File is what the log needs of an open file.
type File = osFile

// OpenWith is Open with an opener of the test's own.
func OpenWith(path string, o Options, open func(path string) (File, error)) (*Log, error) {
	o.openFile = open
	return Open(path, o)
}

// OpenFile is the opener that Open uses.
func OpenFile(path string) (File, error) { return openFile(path) }

// LockPatience is how long a write waits for the lock.
const LockPatience = lockPatience
