// Package quota counts what agents use against the limits that the rules set.
//
// A Book keeps, for each credential and agent, how many calls came, how many run
// and how many bytes servers have answered, and for each entry of "per_tool" the
// same. Rates are token buckets (golang.org/x/time/rate): full at first, filled
// again evenly. A book outlives reloads: changed limits begin with what was used
// by the old ones. The time is an argument. Its memory is bounded; see maxUsers.
package quota
