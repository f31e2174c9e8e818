// Package adopt works out what the servers of other programs become here: which
// entries, which variables in place of secrets, which rules, and how all of it
// is merged into what the owner has.
//
// It is pure: it turns the old texts of the three files into new ones. What the
// owner has written stays as it is, and no agent that exists gains anything but
// the one that stands for the client.
package adopt
