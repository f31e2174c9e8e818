// Package ownsocket is for sockets that only their user reaches: the folders that
// they may be in, how one is made private before it is seen, whether somebody
// listens, and who is at the other end. It owns no goroutine.
//
// On unix a socket is a unix socket. On Windows it is a named pipe, whose access
// list has its user alone, and the file in the folder says how the pipe is called:
// a name that nobody can guess, and so nobody can take first.
package ownsocket
