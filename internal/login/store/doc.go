// Package store keeps what logins have brought: one file per credential, in a
// folder that only its user may read or write.
//
// A file is written whole, by a rename. Whoever changes one holds its lock from
// the reading to the writing, also while a server is asked for new tokens, so that
// two processes never use up the same refresh token. The lock is the kernel's and
// ends with its owner; where there is none to be had, on a full disk for example,
// or its owner hangs, work goes on without.
package store
