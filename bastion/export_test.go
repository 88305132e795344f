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

// Fail has sessions recorded until broken is closed: then their recording has
// failed with cause, and what passes is lost, as [recorder.Warn] has it.
func (s *Server) Fail(broken chan struct{}, cause error) {
	s.tap = func(r recording) recording { return failing{r, broken, cause} }
}

type failing struct {
	recording
	broken chan struct{}
	cause  error
}

func (f failing) Failed() <-chan struct{} { return f.broken }
func (f failing) Err() error              { return f.cause }
