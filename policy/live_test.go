package policy_test

import (
	"sync"
	"testing"

	"github.com/sallyport/sallyport/policy"
)

func TestLiveCountsEpochs(t *testing.T) {
	first, second := &policy.Policy{Digest: "1"}, &policy.Policy{Digest: "2"}
	l := policy.NewLive(first)
	if p := l.Current(); p.Epoch != 1 || p.Digest != "1" {
		t.Errorf("at first: %+v", p)
	}
	changed := l.Changed()
	select {
	case <-changed:
		t.Error("changed before anything did")
	default:
	}
	if p := l.Publish(second); p.Epoch != 2 || l.Current() != p {
		t.Errorf("published: %+v", p)
	}
	<-changed // closed, or this test never ends
	if p := l.Publish(second); p.Epoch != 3 || second.Epoch != 0 {
		t.Errorf("what is published again gets an epoch of its own: %d, %d", p.Epoch, second.Epoch)
	}
}

func TestLiveNeverGivesOneEpochTwice(t *testing.T) {
	l := policy.NewLive(&policy.Policy{})
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[uint64]bool{}
	for range 50 {
		wg.Go(func() {
			epoch := l.Publish(&policy.Policy{}).Epoch
			_ = l.Current()
			mu.Lock()
			defer mu.Unlock()
			if seen[epoch] {
				t.Errorf("epoch %d twice", epoch)
			}
			seen[epoch] = true
		})
	}
	wg.Wait()
	if got := l.Current().Epoch; got != 51 {
		t.Errorf("the last epoch is %d", got)
	}
}
