package main

import (
	"context"
	"runtime/debug"
	gauges "runtime/metrics"
	"time"
)

const (
	// restEvery is how often a bastion looks whether it rests.
	restEvery = 5 * time.Second
	// restRate is how much it allocates from one look to the next at most while
	// it does, in bytes: a thousand people typing, but no transfer.
	restRate = headroom / 2
	// restWorth is how much garbage is worth a collection then, in bytes.
	restWorth = headroom / 8
)

// giveBack collects garbage and gives memory back while the bastion rests,
// until ctx ends. After a burst of logins the headroom and the stacks that only
// a handshake needs (a collection shrinks them) are more than what the sessions
// hold. Where the operator has set the collector it does nothing.
func giveBack(ctx context.Context) {
	if collectorIsSet() {
		return
	}
	tick := time.NewTicker(restEvery)
	defer tick.Stop()
	for before, _ := allocated(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		all, garbage := allocated()
		if all-before <= restRate && garbage > restWorth {
			debug.FreeOSMemory()
		}
		before = all
	}
}

// allocated is how many bytes ever were, and how many of those that are there
// the last collection did not find live.
func allocated() (all, garbage uint64) {
	samples := []gauges.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	gauges.Read(samples)
	var n [3]uint64
	for i, s := range samples {
		if s.Value.Kind() == gauges.KindUint64 {
			n[i] = s.Value.Uint64()
		}
	}
	return n[0], n[1] - min(n[1], n[2])
}
