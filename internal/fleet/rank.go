package fleet

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// Rank returns how many nodes go before self when a key is to be claimed, and
// whether self may claim at all: it must be among the nodes, stay, and be able to start
// the server. All nodes that see the same ones agree on it.
//
// The newest version goes first, so that an upgrade moves a server once. Among equals
// each key has an order of its own, which a node that comes or goes does not change
// for the others.
func Rank(key, self string, nodes map[string]Node) (rank int, may bool) {
	me, there := nodes[self]
	if !there || !me.Can(key) {
		return 0, false
	}
	for id, n := range nodes {
		if id != self && n.Can(key) && before(key, id, n, self, me) {
			rank++
		}
	}
	return rank, true
}

// Able returns the nodes that may own a key, in the order in which they claim it.
func Able(key string, nodes map[string]Node) []string {
	var able []string
	for id, n := range nodes {
		if n.Can(key) {
			able = append(able, id)
		}
	}
	slices.SortFunc(able, func(a, b string) int {
		if before(key, a, nodes[a], b, nodes[b]) {
			return -1
		}
		return 1
	})
	return able
}

// before reports whether node a claims a key before node b.
func before(key, a string, nodeA Node, b string, nodeB Node) bool {
	return cmp.Or(
		compareVersions(nodeB.Version, nodeA.Version),
		cmp.Compare(weight(key, b), weight(key, a)),
		cmp.Compare(a, b),
	) < 0
}

// weight is what a node weighs for a key: the heaviest has it.
func weight(key, node string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(node + "\x00" + key))
	// FNV leaves names that differ in their end alone close together.
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// compareVersions compares versions of the gateway: "v1.2.3", before it "v1.2.3-rc1",
// after it "v1.2.3-4-gabcdef", which is four commits later. What is no version is
// older than any.
func compareVersions(a, b string) int { return slices.Compare(version(a), version(b)) }

// version returns the numbers of a version, the most important one first.
func version(s string) []int {
	release, rest, suffixed := strings.Cut(strings.TrimPrefix(s, "v"), "-")
	var numbers []int
	for part := range strings.SplitSeq(release, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		numbers = append(numbers, n)
	}
	for len(numbers) < 3 {
		numbers = append(numbers, 0)
	}
	commits, _, _ := strings.Cut(rest, "-")
	switch n, err := strconv.Atoi(commits); {
	case !suffixed:
		return append(numbers, 0)
	case err == nil:
		return append(numbers, 1, n)
	default:
		n, _ = strconv.Atoi(strings.TrimLeft(strings.ReplaceAll(rest, ".", ""), "abcdefghijklmnopqrstuvwxyz"))
		return append(numbers, -1, n)
	}
}
