// Package trust knows which files of which projects their owner has approved,
// and by what content. A project is a folder with a servers file and a rules
// file; whatever can write them decides what runs and who may do what, so a
// project counts only as its owner has seen it.
//
// It is pure: others read files and the record, and write it.
package trust
