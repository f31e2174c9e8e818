// Package ownsocket is for unix sockets that only their user reaches: the folders
// that they may be in, how one is made private before it is seen, whether somebody
// listens, and who is at the other end. It owns no goroutine.
package ownsocket
