// Package tasks remembers the tasks that servers have promised in place of results:
// whose each is, which run of which server made it, and when it was last asked for.
//
// An owner knows a task by an id that the gateway made. Nobody else's id finds it,
// and what is not found is the same whether it exists or not. The book is bounded:
// who has as many as may be gets no more promises until some are over.
package tasks
