package tui

import (
	"slices"
	"time"
)

const (
	mostBuckets  = 2048
	firstBucket  = 5 * time.Millisecond
	mostGaps     = 4096
	shortestIdle = time.Second // the least idle limit
)

// kinds are the sorts of moments that have a place in the lane below the heat.
type kinds uint8

const (
	kindResize kinds = 1 << iota
	kindOther        // something else was done to a file
	kindGet          // a file came from the host
	kindPut          // a file went to the host
	kindMarker
	kindNote
	kindHit
)

// course is what a recording did when, by stretches of time, of which there is
// a bounded number: they double in length when there are too many. What falls
// together stays known.
type course struct {
	each    time.Duration // the length of a stretch
	buckets []bucket

	gaps     []gap // without an event, in order
	shortest time.Duration
}

// bucket is what happened in one stretch.
type bucket struct {
	bytes int64
	kinds kinds
}

// gap is a time in which nothing was recorded.
type gap struct{ from, to time.Duration }

func newCourse() course { return course{each: firstBucket, shortest: shortestIdle} }

// add counts what happened at a time.
func (c *course) add(at time.Duration, bytes int, k kinds) {
	if bytes == 0 && k == 0 {
		return
	}
	for int64(at/c.each) >= mostBuckets {
		c.fold()
	}
	i := int(at / c.each)
	for len(c.buckets) <= i {
		c.buckets = append(c.buckets, bucket{})
	}
	c.buckets[i].bytes += int64(bytes)
	c.buckets[i].kinds |= k
}

// fold makes one stretch of two.
func (c *course) fold() {
	n := (len(c.buckets) + 1) / 2
	for i := range n {
		b := c.buckets[2*i]
		if j := 2*i + 1; j < len(c.buckets) {
			b.bytes += c.buckets[j].bytes
			b.kinds |= c.buckets[j].kinds
		}
		c.buckets[i] = b
	}
	c.buckets = c.buckets[:n]
	c.each *= 2
}

// idle notes a time without an event. When there are too many, the shorter
// ones go: among so many nobody could see them.
func (c *course) idle(from, to time.Duration) {
	if to-from < c.shortest {
		return
	}
	c.gaps = append(c.gaps, gap{from, to})
	for len(c.gaps) > mostGaps {
		c.shortest *= 2
		c.gaps = slices.DeleteFunc(c.gaps, func(g gap) bool { return g.to-g.from < c.shortest })
	}
}
