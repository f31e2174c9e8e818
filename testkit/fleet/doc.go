// Package fleet is what tests of gateways that act as one stand on.
//
//   - MemoryStore is a fleet.Store without a network, for tests with fake time, that
//     can be cut off, frozen and restored from a backup.
//   - Conformance is what every fleet.Store must do.
//   - Etcd is a real one; it can be killed, frozen, filled and restored.
//   - Fleet is real gateways with one, to which harm is done over proxies, or over a
//     network of the kernel's own; Load calls them, and Eye watches from outside.
package fleet
