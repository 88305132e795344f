//go:build race

package e2e

// racing builds the binary with the race detector, as the tests were.
const racing = true
