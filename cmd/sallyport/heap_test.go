package main

import (
	"runtime"
	"testing"
)

func TestHeadroomIsTheSameWhateverIsLive(t *testing.T) {
	for _, live := range []uint64{4 << 20, 10 << 20, 80 << 20} {
		got := live * uint64(gcPercent(live)) / 100
		if got < headroom*9/10 || got > headroom*11/10 {
			t.Errorf("with %d bytes live, %d more are allocated before a collection", live, got)
		}
	}
	if p := gcPercent(1 << 30); p != minPercent {
		t.Errorf("with a GiB live: %d percent", p)
	}
	if p := gcPercent(0); p <= 0 {
		t.Errorf("with nothing live: %d percent", p)
	}
}

func TestWhatIsGarbageIsKnown(t *testing.T) {
	runtime.GC()
	before, _ := allocated()
	for range 64 {
		runtime.KeepAlive(make([]byte, 1<<20))
	}
	// A collection may come in between, but not after each of them.
	if all, _ := allocated(); all-before < 64<<20 {
		t.Errorf("%d bytes allocated: the runtime's metrics are not what they were", all-before)
	}
	if _, garbage := allocated(); garbage > 1<<30 {
		t.Errorf("%d bytes of garbage", garbage)
	}
}

func TestWhatWasCollectedIsKnown(t *testing.T) {
	runtime.GC()
	if n := collected(); n == 0 || n > 1<<30 {
		t.Errorf("%d bytes live: the runtime's metrics are not what they were", n)
	}
}
