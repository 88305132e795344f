package bastion

import "sync/atomic"

// Deafen has sessions that begin while off is set pass without being recorded,
// so that a benchmark sees what recording costs. Nothing but a test can.
func (s *Server) Deafen(off *atomic.Bool) {
	s.tap = func(r recording) recording {
		if off.Load() {
			return deaf{r}
		}
		return r
	}
}

type deaf struct{ recording }

func (deaf) Stdin([]byte) error  { return nil }
func (deaf) Stdout([]byte) error { return nil }
func (deaf) Stderr([]byte) error { return nil }
