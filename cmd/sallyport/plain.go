package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

// The console in lines, on this machine: the commands that only read, run here
// and not in a server. Who may read the files may see everything in them anyway,
// so nothing of it is in an audit trail.

// wantsLines reports whether the terminal of this process shows nothing else.
func wantsLines() bool { return os.Getenv("TERM") == "dumb" }

// plainHere is it for the data directory of a configuration.
func plainHere(ctx context.Context, c *Config, s *store.Store, std stdio) error {
	keys, err := recorder.ReadKeys(c.keys())
	if err != nil {
		return err
	}
	p, _, err := loadAccess(c.AccessFile)
	if err != nil {
		p = &policy.Policy{} // it names hosts by their aliases, no more
	}
	return inLines(ctx, console.Config{
		Store: readOnly{s}, Policy: policy.NewLive(p), Recordings: c.recordings(), Trust: keys.Trust, Keys: keys,
		Offers: []string{"status", "hosts", "keys", "requests", "grants", "sessions", "replay", "search", "verify", "export", "notes", "audit"},
		Files:  true, BastionID: c.BastionID, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}, std)
}

// plainCopy is it for a folder that was copied from a bastion.
func plainCopy(ctx context.Context, a *album, dir, trust string, ids recorder.Identities, std stdio) error {
	return inLines(ctx, console.Config{
		Store: shelf{album: a}, Policy: policy.NewLive(&policy.Policy{}), Copy: &console.Copy{Dir: dir, Trust: trust, Identities: ids},
		Offers: []string{"status", "sessions", "replay", "search", "verify", "export"},
		Files:  true, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}, std)
}

// inLines serves the terminal of this process, or what stands in for it.
func inLines(ctx context.Context, c console.Config, std stdio) (err error) {
	call := console.Call{
		Actor: access.Actor{LocalUID: os.Getuid(), Via: access.ViaSocket},
		Stdin: std.in, Stdout: std.out, Stderr: std.err,
	}
	in, isFile := std.in.(*os.File)
	out, toFile := std.out.(*os.File)
	if isFile && toFile && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd())) {
		before, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return fmt.Errorf("the terminal: %w", err)
		}
		defer func() { _ = term.Restore(int(in.Fd()), before) }() // there is nobody to tell
		size := func() console.Size {
			cols, rows, err := term.GetSize(int(out.Fd()))
			if err != nil {
				return console.Size{Cols: 80, Rows: 24}
			}
			return console.Size{Cols: cols, Rows: rows}
		}
		now := size()
		call.Raw, call.Terminal = &console.Raw{Out: out, Dumb: wantsLines(), Size: size}, &now
		call.Stdout, call.Stderr = crlf{std.out}, crlf{std.err}
	}
	if status := console.New(c).Shell(ctx, call); status != 0 {
		return console.ExitError(status)
	}
	return nil
}

// readOnly is the store without a server: nothing is written.
type readOnly struct{ *store.Store }

func (readOnly) Record(context.Context, audit.Event) error { return nil }

// shelf is an album as the console's store: it has sessions and nothing else.
type shelf struct{ *album }

var _ console.Store = shelf{}

func (shelf) Request(_ context.Context, id access.RequestID) (access.Request, error) {
	return access.Request{}, notCopied()
}
func (shelf) Requests(context.Context, access.RequestQuery) ([]access.Request, error) {
	return nil, nil
}
func (shelf) Grants(context.Context, access.GrantQuery) ([]access.Grant, error) { return nil, nil }
func (shelf) Locks(context.Context) ([]access.Lock, error)                      { return nil, nil }
func (shelf) Hold(context.Context, access.Hold) error                           { return notCopied() }
func (shelf) Unhold(context.Context, access.Hold) error                         { return notCopied() }
func (shelf) Holds(context.Context) ([]access.Hold, error)                      { return nil, nil }
func (shelf) Notes(context.Context, access.SessionID) ([]access.Note, error)    { return nil, nil }
func (shelf) AddNote(context.Context, access.Note) (access.Note, error) {
	return access.Note{}, notCopied()
}
func (shelf) Audit(context.Context, int64, int) ([]audit.Row, error) { return nil, nil }
func (shelf) Record(context.Context, audit.Event) error              { return nil }
func (shelf) Search(context.Context, access.SearchQuery) (access.Found, error) {
	return access.Found{}, notCopied()
}

func notCopied() error {
	return access.Refuse(access.ReasonNotFound, "a copied folder has recordings only", "Ask the bastion")
}
