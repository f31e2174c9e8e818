// Package policydiff says what would change if other rules came into force:
// answers that become different, rules that come and go, and whether anybody
// could do more than before. It is pure.
//
// # What "widens" promises
//
// If there is any caller, server and tool, known or not, that the old rules
// deny and the new ones allow, then [Diff.Widens] is true. The other way round
// it is careful, not exact: a rule whose change could open something that
// nobody has a name for yet counts, unless one other rule can be shown to make
// it meaningless.
//
// Credentials count apart: whoever could come in, or as another agent, who
// could not before, widens; how a credential is checked is not looked into.
package policydiff
