package bastion

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

// defaultHalfClose is [Limits.HalfClose] where it is not given.
const defaultHalfClose = time.Minute

// maxWords bounds what a slow terminal has still to be told.
const maxWords = 32

// relay joins the client's channel to the host's. Every byte is recorded
// before it is delivered (invariant 5); each direction is copied by one
// goroutine, so that a slow reader pushes back to the sender and nothing
// queues (invariant 12).
type relay struct {
	s        *session
	leg      *leg
	host     gossh.Channel
	rec      tape
	terminal bool

	vigil  *vigil        // nil unless somebody must watch
	words  queue[string] // to the person, in order: a slow terminal must not hold the session's end
	outbox *outbox
	active atomic.Int64 // unix nanoseconds of the last byte
	fed    atomic.Int64 // of the last byte that the host took
	moving atomic.Bool  // the host is to take more
	inOver atomic.Bool  // the client sends no more

	// Written by hostRequests, read when it has ended.
	status *int
	signal *exitSignal
}

// outcome is how a session ended.
type outcome struct {
	cause         *access.Error // nil when the program ended, or the client left
	left          bool          // the client went away
	refusedByHost bool          // the host said no to the start request
	status        *int
	signal        *exitSignal
}

func (s *session) newRelay(l *leg, host gossh.Channel, rec tape, terminal bool, v *access.Vigil) *relay {
	r := &relay{s: s, leg: l, host: host, rec: rec, terminal: terminal, outbox: newOutbox(s.ctx, host, s.reply)}
	r.words.do, r.words.most = s.say, maxWords
	r.touch()
	r.moved()
	if v != nil {
		r.keepVigil(v)
	}
	return r
}

func (r *relay) touch() { r.active.Store(time.Now().UnixNano()) }

// run copies until the program ends or the session must.
func (r *relay) run(requests <-chan *gossh.Request, pass *access.Pass) outcome {
	drained := make(chan struct{}, 2)
	copyOut := func(src io.Reader, dst io.Writer, record func([]byte) error) {
		r.copyOut(src, dst, record)
		drained <- struct{}{}
	}
	go copyOut(r.host, r.s.ch, r.rec.Stdout)
	go copyOut(r.host.Stderr(), r.s.ch.Stderr(), r.rec.Stderr)
	told := make(chan struct{})
	go func() {
		defer close(told)
		r.hostRequests(requests)
	}()

	idle := time.NewTimer(r.s.srv.Limits.Idle)
	defer idle.Stop()
	r.beginVigil()
	defer r.endVigil()
	failed := r.rec.Failed()
	var readsOn <-chan time.Time
	for streams := 2; ; {
		watchers, unwatched := r.changes()
		select {
		case <-watchers:
			r.overseen()
		case <-unwatched:
			r.s.end(r.s.srv.unwatched())
		case <-drained:
			if streams--; streams == 0 {
				readsOn = r.readsOn()
			}
		case <-readsOn:
			readsOn = r.readsOn()
		case <-closedAfter(told, streams):
			if r.s.ctx.Err() != nil {
				return r.cut() // the program ended because we cut it off
			}
			return outcome{status: r.status, signal: r.signal, cause: r.lost()}
		case <-failed:
			failed = nil
			r.unrecorded(pass)
		case w := <-pass.Warnings:
			r.warn(w)
		case <-idle.C:
			r.checkIdle(idle)
		case <-r.s.ctx.Done():
			return r.cut()
		}
	}
}

// readsOn is called when the program has shut its output: it may read on, and
// how it ends is not known yet. The client is told with EOF only once it has
// been quiet for long, and may be waiting for just that: once told, it may close
// the channel as soon as its input ends (dropbear and PuTTY do), and no exit
// status could follow (RFC 4254, section 5.3). `pg_dump | ssh … 'cat >file 2>&1'`
// would have failed. When the input is over nobody waits for EOF. The channel
// gives the time to look again.
func (r *relay) readsOn() <-chan time.Time {
	if r.inOver.Load() {
		return nil
	}
	limit := r.s.srv.Limits.HalfClose
	if limit == 0 {
		limit = defaultHalfClose
	}
	var quiet time.Duration
	if !r.moving.Load() {
		quiet = time.Since(time.Unix(0, r.fed.Load()))
	}
	if quiet < limit {
		return time.After(limit - quiet)
	}
	_ = r.s.ch.CloseWrite() // fails when the client is gone
	return nil
}

// closedAfter is told once both streams are drained, and never before: the
// exit status must not overtake output.
func closedAfter(told chan struct{}, streams int) <-chan struct{} {
	if streams > 0 {
		return nil
	}
	return told
}

// copyOut carries one stream of the host to the client.
func (r *relay) copyOut(src io.Reader, dst io.Writer, record func([]byte) error) {
	err := pump(src, func(p []byte) error {
		if err := r.hold(); err != nil {
			return err
		}
		r.touch()
		if err := record(p); err != nil {
			return recordingFailed(err)
		}
		if err := r.unseen(); err != nil {
			return err
		}
		if _, err := dst.Write(p); err != nil {
			return errLost
		}
		return nil
	})
	if err != nil {
		r.s.end(err)
	}
}

// Write takes the client's input: record, then deliver. The recording only
// counts what is typed at a terminal: what matters is on the screen, and
// passwords are not.
func (r *relay) Write(p []byte) (int, error) {
	if r.vigil != nil {
		return len(p), r.typed(p)
	}
	return r.toHost(p)
}

// toHost records and delivers what the client sends.
func (r *relay) toHost(p []byte) (int, error) {
	r.touch()
	r.moving.Store(true)
	defer r.moved()
	if err := r.rec.Stdin(p); err != nil {
		err = recordingFailed(err)
		r.s.end(err)
		return 0, err
	}
	if err := r.unseen(); err != nil {
		r.s.end(err)
		return 0, err
	}
	n, err := r.host.Write(p)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	return len(p), nil // a program that reads no more is not the client's fault
}

func (r *relay) moved() {
	r.fed.Store(time.Now().UnixNano())
	r.moving.Store(false)
}

// End passes on that the client sends no more.
func (r *relay) End() {
	if r.vigil != nil && r.vigil.typing != nil {
		r.vigil.typing.finish()
		return
	}
	r.shut()
}

// shut tells the host that there is no more input.
func (r *relay) shut() {
	r.inOver.Store(true)
	_ = r.host.CloseWrite() // fails when the program has ended
}

// unrecorded is called once, when the recording fails: the session ends, or
// goes on with a loud warning where the configuration says so.
func (r *relay) unrecorded(pass *access.Pass) {
	err := recordingFailed(r.rec.Err())
	if refused := access.AsError(err); refused.Reason == access.ReasonLimit { // by the rule: nothing failed
		r.s.end(refused)
		return
	}
	r.s.log.Error("recording failed", "err", err)
	r.s.event(audit.RecordingFailed, pass, map[string]string{"cause": access.Plain(err.Error(), 300)})
	if r.s.srv.OnFailure == recorder.Warn && r.vigil == nil {
		go r.s.say("sallyport: warning: this session is no longer recorded. Finish what you must, and tell the operator (" + string(r.s.id) + ")")
		return
	}
	r.s.end(err)
}

// checkIdle ends a session in which nothing has passed, or waits on.
func (r *relay) checkIdle(t *time.Timer) {
	limit := r.s.srv.Limits.Idle
	if r.vigil != nil && r.vigil.paused != nil { // that has a clock of its own
		t.Reset(limit)
		return
	}
	quiet := time.Since(time.Unix(0, r.active.Load()))
	if quiet >= limit {
		r.s.end(access.Refuse(access.ReasonIdle, "nothing passed for "+limit.String(), "Connect again"))
		return
	}
	t.Reset(limit - quiet)
}

// lost says whether the host broke off rather than ended the program.
func (r *relay) lost() *access.Error {
	if r.status == nil && r.signal == nil && !r.leg.stands() {
		return access.Fail(access.ReasonHostLost, "the connection to the host broke", "Connect again", nil)
	}
	return nil
}

// cut ends the host's side now. Whoever goes on reading is cut off with it.
func (r *relay) cut() outcome {
	r.leg.leave(r.host)
	cause := context.Cause(r.s.ctx)
	// Not whether the client is gone by now: whoever is told why a session of
	// theirs ends may well leave before another has.
	if errors.Is(cause, errLost) || errors.Is(cause, errWithdrawn) {
		return outcome{left: true}
	}
	return outcome{cause: access.AsError(cause)}
}

func recordingFailed(err error) error {
	var e *access.Error
	if errors.As(err, &e) {
		return e
	}
	return access.Fail(access.ReasonRecording, "this session can no longer be recorded, so it ends", "Tell the operator", err)
}
