// Package chaos tries to break the assembled gateway: real processes, a seeded
// random schedule of everything that goes wrong with them, and a steady load
// of calls. It has tests only, for Linux, as the evidence comes from /proc.
//
// A run is a number of steps that follow from its seed: edits of both files in
// every style of writing, good and bad; servers killed, stopped, hung,
// crashed in a call and made to flood. Meanwhile callers make calls with ids
// of their own, some of which they cancel or give little time. The servers
// record each id that they run. In the end every call is judged by what was
// done meanwhile (see judge_test.go): slowness alone never fails a call. What
// the gateway holds on to is then compared with a gateway that has just been
// started on the same files.
//
// The seed is printed. GATEHOUSE_CHAOS_SEED runs it again, with the same steps;
// how they meet the calls is up to the machine. GATEHOUSE_CHAOS_STEPS is the
// length of a run, GATEHOUSE_CHAOS_RUNS how many seeds are tried.
//
// A second kind of run has one attacker, a process of its own, among nine honest
// agents (see attack_test.go): it tries to take memory, places, descriptors,
// servers and the audit log from them, and what the honest agents met is judged.
// The attacker stands for another machine, so it runs on what all others leave
// of this one's processors: where that is nothing, nobody is attacked. Each run
// says how much of them every part used. How long calls took is compared with
// those before and after the attack, in the same run.
// GATEHOUSE_ATTACK_SECONDS makes it a full run with that long for each attack,
// GATEHOUSE_ATTACKS names some, GATEHOUSE_ATTACK_FILES is the gateway's limit of
// descriptors.
package chaos
