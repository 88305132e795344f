package slacktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// User is a person or robot of the workspace, or a stranger met in a shared channel.
type User struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	RealName string `json:"real_name"`
	Email    string `json:"email"`
	// TeamID is the user's home workspace; the server's own when empty.
	TeamID string `json:"team_id"`

	Deleted           bool `json:"deleted"`
	IsBot             bool `json:"is_bot"`
	IsRestricted      bool `json:"is_restricted"`
	IsUltraRestricted bool `json:"is_ultra_restricted"`
	IsStranger        bool `json:"is_stranger"`
	EmailUnconfirmed  bool `json:"email_unconfirmed"`
}

// Channel is a conversation the app may post to. No members means everyone is one.
type Channel struct {
	ID       string
	Name     string // without the #
	Topic    string
	Members  []string // user IDs
	Archived bool
	// WithoutBot says that nobody invited the app: posting there fails with not_in_channel.
	WithoutBot bool
}

// Bounds on what the server keeps, so that a demo may run for days.
const (
	keepMessages = 1000 // of each channel, newest kept
	keepEdits    = 100  // of each message
)

// workspace is the model. mu guards every field; methods ending in Locked want it held.
type workspace struct {
	cfg Config

	mu        sync.Mutex
	users     []*User
	channels  []*channel
	views     map[string][]*View // by user: the stack of open modals, topmost last
	triggers  map[string]*trigger
	responses map[string]*responseURL
	lastTS    int64
	version   uint64
	changed   chan struct{} // closed and replaced at every change
}

type channel struct {
	Channel
	dmWith   string // the user ID, where this is the app's direct message channel with them
	messages []*Message
}

func newWorkspace(cfg Config) (*workspace, error) {
	w := &workspace{
		cfg:       cfg,
		views:     map[string][]*View{},
		triggers:  map[string]*trigger{},
		responses: map[string]*responseURL{},
		changed:   make(chan struct{}),
	}
	bot := User{ID: cfg.Bot.UserID, Name: cfg.Bot.Name, RealName: cfg.Bot.Name, IsBot: true}
	for _, u := range append([]User{bot}, cfg.Users...) {
		if u.ID == "" || w.userLocked(u.ID) != nil {
			return nil, fmt.Errorf("slacktest: user ID %q is empty or used twice", u.ID)
		}
		w.users = append(w.users, w.homed(u))
	}
	for _, c := range cfg.Channels {
		if c.ID == "" || w.channelLocked(c.ID) != nil {
			return nil, fmt.Errorf("slacktest: channel ID %q is empty or used twice", c.ID)
		}
		w.channels = append(w.channels, &channel{Channel: c})
	}
	return w, nil
}

func (w *workspace) homed(u User) *User {
	if u.TeamID == "" {
		u.TeamID = w.cfg.Team.ID
	}
	if u.RealName == "" {
		u.RealName = u.Name
	}
	return &u
}

func (w *workspace) userLocked(id string) *User {
	for _, u := range w.users {
		if u.ID == id {
			return u
		}
	}
	return nil
}

func (w *workspace) user(id string) (User, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.userLocked(id); u != nil {
		return *u, true
	}
	return User{}, false
}

func (w *workspace) channelLocked(id string) *channel {
	for _, c := range w.channels {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// dmLocked finds or opens the app's direct message channel with a user.
func (w *workspace) dmLocked(userID string) *channel {
	for _, c := range w.channels {
		if c.dmWith == userID {
			return c
		}
	}
	c := &channel{Channel: Channel{ID: "D" + userID, Members: []string{userID}}, dmWith: userID}
	w.channels = append(w.channels, c)
	return c
}

func (c *channel) has(userID string) bool {
	return len(c.Members) == 0 || slices.Contains(c.Members, userID)
}

// changedLocked wakes whoever waits for a change.
func (w *workspace) changedLocked() {
	w.version++
	close(w.changed)
	w.changed = make(chan struct{})
}

// nextTSLocked makes the next message timestamp: seconds with six digits, unique and rising even
// when the clock stands still, as Slack's are.
func (w *workspace) nextTSLocked() string {
	w.lastTS = max(w.lastTS+1, w.cfg.Now().UnixMicro())
	return fmt.Sprintf("%d.%06d", w.lastTS/1e6, w.lastTS%1e6)
}

// wait blocks until ready reports true, which is asked once and after each change, with mu held.
func (w *workspace) wait(ctx context.Context, ready func() bool) error {
	for {
		w.mu.Lock()
		ok, changed := ready(), w.changed
		w.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ErrUnknownUser says that no such user is in the workspace.
var ErrUnknownUser = errors.New("slacktest: no such user")

// SetUser adds a user, or changes one: to deactivate somebody between two clicks, for example.
func (s *Server) SetUser(u User) {
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	if old := w.userLocked(u.ID); old != nil {
		*old = *w.homed(u)
	} else {
		w.users = append(w.users, w.homed(u))
	}
	w.changedLocked()
}

// expired reports whether a moment has passed on the workspace's clock.
func (w *workspace) expired(t time.Time) bool { return w.cfg.Now().After(t) }
