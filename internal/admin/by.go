package admin

import "context"

// byKey is where a context has who acts.
type byKey struct{}

// By returns a context of something that is done by others than whoever is at the
// operator's socket: the words are for the audit log.
func By(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, byKey{}, who)
}

// WhoActs returns who acts, "" where By was not told.
func WhoActs(ctx context.Context) string {
	who, _ := ctx.Value(byKey{}).(string)
	return who
}
