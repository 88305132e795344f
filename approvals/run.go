package approvals

import (
	"context"
	"time"
)

const (
	// longestSleep bounds how far the timer is trusted: after the machine
	// slept or the clock was set, deadlines are looked at within it.
	longestSleep = 10 * time.Second
	// afterFault is how long to wait when the database does not answer.
	afterFault = time.Second
)

// Run ends what runs out and sweeps after each reload, until ctx ends. At the
// start it closes what ran out, or lost its rule, while nobody ran. It returns
// when ctx ends; a database that fails is logged and tried again, and nobody
// is let in by it meanwhile.
func (d *Desk) Run(ctx context.Context) {
	var epoch uint64 // swept
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		changed := d.Policy.Changed() // before Current, so that no publication is missed
		sleep, err := d.turn(ctx, &epoch)
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

// turn does what is due and gives how long nothing will be.
func (d *Desk) turn(ctx context.Context, epoch *uint64) (time.Duration, error) {
	next, ok, err := d.Tick(ctx)
	if err != nil {
		return 0, err
	}
	if p := d.Policy.Current(); p.Epoch != *epoch {
		if err := d.Sweep(ctx); err != nil {
			return 0, err
		}
		*epoch = p.Epoch
	}
	sleep := longestSleep
	if ok {
		sleep = min(sleep, max(0, next.Sub(d.Now())))
	}
	return sleep, nil
}
