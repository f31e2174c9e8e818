// Package entrance is what connections of agents come through before their
// requests are looked at: it bounds how many there are, so that descriptors are
// left for files, servers and the operator.
//
// A connection is a stranger until a request on it has been let in: for a short
// time, and only a quarter of all may be. Then it belongs to whoever sent that
// request, by credential or address. Where there is no room for one more, one of
// those goes that belong to whoever has the most: an idle one first.
//
// It also looks at how each request begins, as net/http drops what is wrong
// there: a request with a Content-Length and a Transfer-Encoding is refused.
package entrance
