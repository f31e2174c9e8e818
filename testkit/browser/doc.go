// Package browser drives a real headless Chromium for tests of pages: open,
// click, type, read, look. Every action waits until the element is there and
// can be acted upon, and fails the test once testkit.Patience is over.
//
// It needs what "make e2e" installs: Node.js, playwright-core, axe-core and, for
// systems that have none of their own, Chromium. Start skips the test where one
// of them is missing.
package browser
