package recorder

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// OnFailure says what happens to a session that can no longer be recorded.
type OnFailure string

const (
	// Terminate ends it: each further write gets the error.
	Terminate OnFailure = "terminate"
	// Warn lets it go on. What passes meanwhile is lost and counted, the gap
	// is marked in the cast and the manifest once writing works again, and
	// [Recording.Failed] tells it at once.
	Warn OnFailure = "warn"
)

// ParseOnFailure reads one strictly.
func ParseOnFailure(s string) (OnFailure, error) {
	switch f := OnFailure(s); f {
	case Terminate, Warn:
		return f, nil
	}
	return "", fmt.Errorf("%q is neither terminate nor warn", s)
}

const (
	defaultSyncEvery = time.Second
	defaultExecLimit = 16 << 20
	defaultReserve   = 64 << 20

	tailSize    = 1 << 20   // what is kept of the end of a stream beyond the limit
	blockBytes  = 256 << 10 // a block is closed after so many bytes, or at a sync
	eventBytes  = 32 << 10  // of one event before escaping: keeps lines seekable
	sealTimeout = 30 * time.Second
	retryGap    = time.Second // how often [Warn] tries to write again
	syncers     = 8           // files synced at once
)

// Config is what a [Recorder] needs. Dir, KeyDir, BastionID and Index are
// required.
type Config struct {
	Dir       string // recordings; made with 0700 when missing
	KeyDir    string // recording-KEYID lies here; a key is made when there is none
	BastionID string
	Index     Index

	OnFailure OnFailure     // default Terminate
	MinFree   int64         // bytes; with less free space new sessions are refused; 0 never refuses
	Reserve   int64         // bytes set aside so that live sessions can finish; default 64 MiB, negative for none
	SyncEvery time.Duration // default 1 s
	// ExecLimit is how many bytes of each stream of a session without a
	// terminal are recorded; default 16 MiB.
	ExecLimit int64

	// Recipients are whom recordings are encrypted for; none: they are plain.
	Recipients Recipients

	Now func() time.Time // default time.Now; offsets need its monotonic reading
	Log *slog.Logger     // default slog.Default
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" || c.KeyDir == "" || c.BastionID == "" || c.Index == nil {
		return c, errors.New("recorder: Dir, KeyDir, BastionID and Index are required")
	}
	if c.OnFailure == "" {
		c.OnFailure = Terminate
	}
	if c.Reserve == 0 {
		c.Reserve = defaultReserve
	}
	if c.SyncEvery <= 0 {
		c.SyncEvery = defaultSyncEvery
	}
	if c.ExecLimit <= 0 {
		c.ExecLimit = defaultExecLimit
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c, nil
}
