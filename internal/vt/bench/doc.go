// Package bench measures internal/vt beside other emulators, in one run:
//
//	cd internal/vt/bench && go test -bench .
//
// It is a module of its own: the product does not require what it measures
// against. It owns nothing else; start reading at bench_test.go.
package bench
