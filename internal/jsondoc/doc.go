// Package jsondoc reads JSON documents that people write (comments and trailing
// commas allowed) as values that know their position, and collects what is
// wrong in a file as problems with a position, a sentence, a hint and a stable
// code.
//
// It is pure. Limits on size, encoding and nesting are checked on the bytes
// before any parser sees them. Everything wrong in a file is reported at once.
package jsondoc
