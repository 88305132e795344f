package tui

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Config says who looks, at what, on which terminal. Parts that are nil take
// their pages with them.
type Config struct {
	Actor access.Actor
	Roles Roles
	// Only shows the player of this session and nothing else; leaving it ends
	// the program.
	Only *access.Session

	Sessions Sessions // for auditors
	Requests Requests
	Grants   Grants
	// Open opens the recording of a session. The player closes it.
	Open func(context.Context, access.Session) (Recording, error)
	// Notice is a request with all that its approvers are shown; nil for the
	// request alone.
	Notice func(context.Context, access.RequestID) (access.Notice, error)
	// Rights lists where the person may go.
	Rights func(context.Context) ([]Right, error)
	// Search finds text in recordings, for text: in the filter line.
	Search func(context.Context, access.SearchQuery) (access.Found, error)
	// Files is a session's ledger of files, in the order of its entries.
	Files func(context.Context, access.SessionID) ([]access.Transfer, error)
	// Trail tells how busy a session was and where its forwards went.
	Trail func(context.Context, access.Session) (Trail, error)
	// Notes are what auditors remarked upon a recording, by its moments.
	Notes func(context.Context, access.SessionID) ([]access.Note, error)
	// AddNote keeps one, and gives it with its time. It checks the right to.
	AddNote func(context.Context, access.Note) (access.Note, error)
	// ExportCommand is what to type where the person sits to have a recording
	// there, when this runs elsewhere.
	ExportCommand func(access.Session, ExportFormat) string
	// Export writes a recording to a new file of this machine, where that is
	// the person's own; it goes before ExportCommand. It never overwrites.
	Export func(ctx context.Context, s access.Session, f ExportFormat, file string) error
	// Connect runs a session to a host on the terminal that is lent to it, and
	// returns when it is over; nil where there is no way on.
	Connect func(context.Context, access.Trip, Lent) access.Return
	// Verify checks a recording against its signature.
	Verify func(context.Context, access.Session) (Verdict, error)
	Desk   Desk
	// MayKill says which live sessions the actor may end; nil for all, where
	// there is a desk. The desk checks again.
	MayKill func(access.Session) bool
	// MayDecide says which pending requests are shown to an approver; nil
	// shows all but the person's own. The desk checks again.
	MayDecide func(access.Request) bool

	Terminal Terminal
	Now      access.Clock
	Log      *slog.Logger // for operators: causes, never content
}

// Roles is what a person is beside being a person: each brings a tab.
type Roles struct {
	Auditor  bool // sees all sessions
	Approver bool // decides requests
}

// Sessions is the index of sessions. The store satisfies it.
type Sessions interface {
	Sessions(context.Context, access.SessionQuery) ([]access.Session, error)
	Session(context.Context, access.SessionID) (access.Session, error)
}

// Requests is what was asked. The store satisfies it.
type Requests interface {
	Requests(context.Context, access.RequestQuery) ([]access.Request, error)
	Request(context.Context, access.RequestID) (access.Request, error)
}

// Grants is what was granted. The store satisfies it.
type Grants interface {
	Grants(context.Context, access.GrantQuery) ([]access.Grant, error)
}

// Desk is where things are decided. It checks every right itself, and answers
// with an [*access.Error] that is fit to show.
type Desk interface {
	Decide(ctx context.Context, by access.Actor, word access.Word) (access.Request, error)
	Ask(ctx context.Context, by access.Actor, a access.Ask) (access.Request, error)
	// Extend asks for more time under a request or its grant.
	Extend(ctx context.Context, by access.Actor, id string, length time.Duration, reason string) (access.Request, error)
	Cancel(ctx context.Context, by access.Actor, id access.RequestID) error
	Release(ctx context.Context, by access.Actor, id access.GrantID) error
	// Review keeps what was found about a break-glass access.
	Review(ctx context.Context, by access.Actor, id access.RequestID, note string) (access.Request, error)
	Kill(ctx context.Context, by access.Actor, id access.SessionID, reason string) error
}

// Right is one login on one host that the person may use under one rule.
type Right struct {
	Target   access.Target
	Aliases  []string
	Labels   map[string]string
	Rule     string
	Watched  bool // a session runs only while a second person watches
	May      []access.Capability
	Standing bool   // else it must be asked for
	Approve  string // who would be asked, in words; empty with standing access
	// Elsewhere: the inner login of a jump has to be proven, which Connect
	// cannot do.
	Elsewhere bool
}

// Verdict is what verifying a recording came to.
type Verdict struct {
	Intact bool
	Text   string // "intact: …"; safe to show
}

// Terminal is where it is shown.
type Terminal struct {
	In  io.Reader
	Out io.Writer
	// Size at the start and whenever it changes. Both are ignored where Out
	// is a terminal of this machine: that one is asked.
	Size    Size
	Resizes <-chan Size
	// Env is the client's environment as NAME=VALUE. Only what describes a
	// terminal is read from it: TERM, COLORTERM, NO_COLOR and their like.
	Env []string
}

// Lent is a terminal while it is a session's and not the interface's.
type Lent struct {
	// In is what is typed. Its Close ends a Read that is under way, which then
	// takes nothing.
	In      io.ReadCloser
	Out     io.Writer
	Size    Size
	Resizes <-chan Size // the latest only; never closed
}

// Size is a terminal's size in cells.
type Size struct{ Cols, Rows int }
