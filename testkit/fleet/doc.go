// Package fleet is what tests of gateways that act as one stand on.
//
//   - MemoryStore is a fleet.Store without a network, for tests with fake time, that
//     can be cut off, frozen and restored from a backup.
//   - Conformance is what every fleet.Store must do.
package fleet
