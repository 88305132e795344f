package approvals

import (
	"context"
	"time"
)

const (
	// longestSleep bounds how far the timer is trusted: after the machine
	// slept or the clock was set, deadlines are looked at within it.
	longestSleep = 10 * time.Second
	// recheckEvery is how often sessions are held against rules whose
	// conditions change while the file does not.
	recheckEvery = 10 * time.Second
	// afterFault is how long to wait when the database does not answer.
	afterFault = time.Second
)

// Run ends what runs out and sweeps after each reload, until ctx ends. At the
// start it closes what ran out, or lost its rule, while nobody ran. It returns
// when ctx ends; a database that fails is logged and tried again, and nobody
// is let in by it meanwhile.
func (d *Desk) Run(ctx context.Context) {
	var seen progress
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		changed := d.Policy.Changed() // before Current, so that no publication is missed
		sleep, err := d.turn(ctx, &seen)
		if err != nil && ctx.Err() == nil {
			d.Log.Error("deadlines and reloads are held up", "err", err)
			sleep = afterFault
		}
		timer.Reset(sleep)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-d.due:
		case <-changed:
		}
	}
}

// progress is how far the turns have come.
type progress struct {
	epoch   uint64    // swept
	checked time.Time // conditions
}

// turn does what is due and gives how long nothing will be.
func (d *Desk) turn(ctx context.Context, seen *progress) (time.Duration, error) {
	next, ok, err := d.Tick(ctx)
	if err != nil {
		return 0, err
	}
	p := d.Policy.Current()
	if p.Epoch != seen.epoch {
		if err := d.Sweep(ctx); err != nil {
			return 0, err
		}
		seen.epoch, seen.checked = p.Epoch, d.Now()
	}
	sleep := longestSleep
	if p.Conditional() {
		if since := d.Now().Sub(seen.checked); since < 0 || since >= recheckEvery { // the clock may have been set back
			d.Recheck()
			seen.checked = d.Now()
		}
		sleep = min(sleep, max(0, seen.checked.Add(recheckEvery).Sub(d.Now())))
	}
	if ok {
		sleep = min(sleep, max(0, next.Sub(d.Now())))
	}
	return sleep, nil
}
