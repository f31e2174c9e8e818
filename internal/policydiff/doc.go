// Package policydiff finds out what would change if other rules came into force:
// answers that become different, rules that come and go, and whether anybody
// could do more than before. It is pure.
//
// # What "widens" promises
//
// If there is any caller, server and tool, resource or prompt, known or not, that the
// old rules deny and the new ones allow, whatever a server says of its tools, then
// [Diff.Widens] is true. A tool that is listed with its annotations is asked for with
// these alone, unless rules write out its name. It errs on the safe
// side: a rule whose change could open something that nobody has a name for yet
// counts, unless a single other rule makes it meaningless.
//
// Credentials count apart: if somebody could come in who could not before, or as
// another agent, access widens. How a credential is checked does not matter here.
package policydiff
