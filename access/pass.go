package access

import (
	"context"
	"time"
)

// Application is what the front door brings to the desk for each session,
// whether or not a grant is there already.
type Application struct {
	Session    SessionID
	Connection ConnectionID
	Identity   Identity
	Target     Target // as typed; the desk resolves aliases
	Kind       Kind
	Command    string        // content
	Reason     string        // from SALLYPORT_REASON, or empty
	For        time.Duration // how long a grant is wanted for, if one has to be asked for; 0 for the rule's default
	BreakGlass bool          // let me in at once, in an emergency, where the rule allows it

	// AskReason asks the person at a terminal; nil without one. The desk
	// calls it at most once, and only before it posts a request.
	AskReason func(ctx context.Context) (string, error)
	// Tell shows the person how the waiting goes. It is called from one
	// goroutine, must not block for long, and may be nil.
	Tell func(Waiting)
}

// Waiting is the state of a wait, whenever it changes.
type Waiting struct {
	Request  RequestID
	Target   Target
	Asked    []PersonName // who may approve
	Approved []PersonName // who has, as far as it counts
	// Unconfirmed are those whose click waits for their key.
	Unconfirmed []PersonName
	Missing     int       // approvals still needed
	Until       time.Time // lapses then
	Joined      bool      // an identical request was pending already
	// BreakGlass and Auto say how it was approved, if nobody was asked.
	BreakGlass bool
	Auto       string
}

// Pass is the right to run one session. It is the joint between the front
// door and the desk.
type Pass struct {
	// Context ends when the session must end; [context.Cause] is the
	// [*Error] to show. It is not the context of the client's connection.
	Context context.Context
	// Warnings receives before the grant ends, at five minutes and at one,
	// when its end moves, and when somebody begins or ends to watch. It is
	// never closed and buffers what it may ever hold.
	Warnings <-chan Warning
	// Done tells the desk that the session is over. It must be called
	// exactly once, whatever happened.
	Done func()

	Person       Person
	Host         Host // resolved
	Login        string
	Rule         string
	Allow        AllowList // what the gate lets through on this session
	PolicyDigest string
	Request      RequestID // empty with standing access
	Grant        GrantID
	Approvers    []PersonName
	Bulk         Bulk // of streams beyond the recording's limit
	Input        bool // what is typed at a terminal is kept
	BreakGlass   bool // the grant was taken in an emergency: nobody approved it
	// Vigil is kept while a second person watches; nothing may run at the host
	// before, and nothing pass while it is not. Nil: the rule wants nobody.
	Vigil    *Vigil
	NotAfter time.Time // zero with standing access: no end by time
}

// Warning says that the grant ends soon, or that the session may now go on
// until another time than the person was told of; or, with Watcher, that
// somebody looks on.
type Warning struct {
	Left     time.Duration
	NotAfter time.Time
	Grant    GrantID
	Moved    bool // NotAfter is new: more time was approved, or another grant covers the session

	Watcher string // who watches the session; the other fields are zero
	Gone    bool   // they do no longer
}
