package main

import (
	"os"
	"runtime"
	"runtime/debug"
	gauges "runtime/metrics"
)

// headroom is how much is allocated between two garbage collections, in bytes.
// Each packet of a transfer is an allocation of up to 32 KiB, twice, while a
// quiet bastion holds a few MiB: with Go's own setting (as much again as is
// live) it would collect every hundred packets. With a thousand sessions live
// that setting would, the other way round, waste as much as they need.
const headroom = 48 << 20

// minPercent bounds the work of collecting when very much is live.
const minPercent = 50

// giveHeadroom has garbage collected whenever headroom was allocated, whatever
// is live. GOGC or GOMEMLIMIT in the environment are the operator's word, and
// then it does nothing.
func giveHeadroom() {
	if collectorIsSet() {
		return
	}
	set := 0
	var tune func()
	tune = func() {
		// A small change is not worth stopping the world for.
		if p := gcPercent(collected()); p > set+set/8 || p < set-set/8 {
			debug.SetGCPercent(p)
			set = p
		}
		// It is gone at the next collection.
		runtime.AddCleanup(new([64]byte), func(struct{}) { tune() }, struct{}{})
	}
	tune()
}

// collectorIsSet reports whether the operator has.
func collectorIsSet() bool { return os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" }

// gcPercent is the setting (see [debug.SetGCPercent]) that makes up headroom
// where so many bytes are live.
func gcPercent(live uint64) int {
	// Go collects no heap smaller than 4 MiB times the setting.
	const most = 100 * headroom / (4 << 20)
	return int(min(max(100*headroom/max(live, 1), minPercent), most))
}

// collected is what the percentage is of: what the last collection found
// live, with stacks and globals.
func collected() (live uint64) {
	samples := []gauges.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	gauges.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() == gauges.KindUint64 {
			live += s.Value.Uint64()
		}
	}
	return live
}
