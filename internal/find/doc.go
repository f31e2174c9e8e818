// Package find ranks tools by how well their words fit a question.
//
// It is pure: no model, no network, no clock, nothing learned from use. An
// [Index] holds the words of all tools once. A [View] is the part of it that one
// agent may use, and every number in a ranking (how rare a word is, how long a
// description is, which words exist) comes from the view alone: what an agent
// may not see moves nothing in its answers.
//
// The order of hits is BM25F over the fields of a tool, with exact names above
// all else. The same view and the same question have the same answer, byte for
// byte.
package find
