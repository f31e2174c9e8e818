//go:build !unix

package main

import "io"

// pollable returns in: inputs are not polled here.
func pollable(in io.Reader, _ ...io.Writer) (polled io.Reader, restore func()) {
	return in, func() {}
}
