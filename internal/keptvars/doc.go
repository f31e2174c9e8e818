// Package keptvars keeps the values of variables in the keyring of the system, and a
// list of their names in a file.
//
// A value has an item of its own in the keyring, with a fresh random name, and the list
// says which: so each change of a variable changes the file, and whoever watches that
// hears of it. The file holds no value. A second file names items that are of no use any
// more, or not yet: whoever is killed half way leaves nothing in the keyring that the
// next change would not remove.
//
// A keyring may block for as long as it likes, as when it is locked. What asks it here
// gives up in time.
package keptvars
