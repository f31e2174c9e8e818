//go:build linux && !race

package chaos_test

// raceDetector says that the tests run under the race detector.
const raceDetector = false
