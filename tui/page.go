package tui

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// A page is one screen below the tabs. The root gives it its size, the keys
// while it is in front, and every other message always.
type page interface {
	// Init is called once, before the page is shown.
	Init() tea.Cmd
	Update(tea.Msg) tea.Cmd
	SetSize(cols, rows int)
	// View draws exactly the size that was set.
	View() string
	// Keys is the page's key map, as it applies now.
	Keys() help.KeyMap
	// Typing reports whether letters are text now and not commands.
	Typing() bool
}

// explained is a page whose signs the help explains beside its keys.
type explained interface{ Legend() string }

// closer is a page that holds something when it goes.
type closer interface{ Close() }

// shared is what all pages have in common. Only the update loop touches it.
type shared struct {
	going  sync.WaitGroup // what is done aside
	ctx    context.Context
	cfg    Config
	look   *look
	lender *lender
	trip   *trip // on which to go when the program has left the terminal
	last   generation
	opened page // by the message just handled, see open
	left   bool // the front page is to go
	// doing is what the last key began, for the status line: a message would
	// race with the answer.
	doing string
	// verdicts are those of this run, by session.
	verdicts map[access.SessionID]Verdict
}

// A generation tags a question, so that only its own answer counts.
type generation uint64

func (s *shared) next() generation {
	s.last++
	return s.last
}

// open puts a page in front, and leave takes the front page away, before the
// next key is looked at: people type ahead.
func (s *shared) open(p page) { s.opened = p }
func (s *shared) leave()      { s.left = true }

// mayKill reports whether to offer the end of a session; the desk decides.
func (s *shared) mayKill(session access.Session) bool {
	return session.State == access.SessionLive && s.cfg.Desk != nil && (s.cfg.MayKill == nil || s.cfg.MayKill(session))
}

func (s *shared) now() time.Time { return s.cfg.Now() }

// do makes a command of f. What f panics with becomes an error on the status
// line: bubbletea would print a stack trace.
func (s *shared) do(f func(context.Context) tea.Msg) tea.Cmd {
	return func() (msg tea.Msg) {
		defer func() {
			if r := recover(); r != nil {
				msg = failed{panicked(r)}
			}
		}()
		return f(s.ctx)
	}
}

// after makes a command that answers msg when d is over.
func (s *shared) after(d time.Duration, msg tea.Msg) tea.Cmd {
	return func() tea.Msg {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return msg
		case <-s.ctx.Done():
			return nil
		}
	}
}

func say(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }

// Messages from pages to the root.
type (
	failed struct{ err error }   // shown in the status line until the next key
	notice struct{ text string } // the same, of good news
)

// panicked makes an error of a panic for the operator's log. The stack names
// functions only; the value may quote content, so its type has to do, unless
// the runtime made it.
func panicked(r any) error {
	what := fmt.Sprintf("%T", r)
	if e, ok := r.(interface{ RuntimeError() }); ok {
		what = fmt.Sprint(e)
	}
	return access.Fail(access.ReasonInternal, "this page failed", "Close it with q and open it again",
		fmt.Errorf("panic: %s\n%s", what, debug.Stack()))
}

// binding is a key with its help.
func binding(keys []string, shown, does string) key.Binding {
	return key.NewBinding(key.WithKeys(keys...), key.WithHelp(shown, does))
}

func pressed(k tea.KeyPressMsg, b key.Binding) bool { return key.Matches(k, b) }
