package slacktest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"time"
)

// The page stands in for the Slack app. It is plain HTML, CSS and script from this binary; what a
// message says reaches the document only as text nodes, never as markup (page/render.js).
var (
	//go:embed page/index.html
	pageHTML []byte
	//go:embed page/app.css
	pageCSS []byte
	//go:embed page/app.js
	pageJS []byte
	//go:embed page/render.js
	renderJS []byte
)

const (
	maxStreams   = 64 // live pages
	pageMessages = 200
	maxPageBody  = 64 << 10
)

func (s *Server) routePage(mux *http.ServeMux) {
	asset := func(path, kind string, body []byte) {
		mux.HandleFunc("GET "+path, hardened(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(body) // the browser may have gone
		}))
	}
	index := bytes.ReplaceAll(pageHTML, []byte("{{token}}"), []byte(html.EscapeString(s.pageToken)))
	asset("/{$}", "text/html; charset=utf-8", index)
	asset("/page/app.css", "text/css; charset=utf-8", pageCSS)
	asset("/page/app.js", "text/javascript; charset=utf-8", pageJS)
	asset("/page/render.js", "text/javascript; charset=utf-8", renderJS)
	mux.HandleFunc("GET /page/state", hardened(s.pageState))
	mux.HandleFunc("GET /page/events", hardened(s.pageEvents))

	act := func(path string, do func(context.Context, pageRequest) error) {
		mux.HandleFunc("POST "+path, hardened(s.fromOurPage(func(w http.ResponseWriter, r *http.Request) {
			var req pageRequest
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPageBody))
			if err == nil {
				err = json.Unmarshal(body, &req)
			}
			if err != nil {
				http.Error(w, "malformed request", http.StatusBadRequest)
				return
			}
			writeJSON(w, pageAnswer(do(r.Context(), req)))
		})))
	}
	act("/page/click", func(ctx context.Context, r pageRequest) error {
		_, err := s.Choose(ctx, r.User, r.Channel, r.TS, r.Action, r.Value)
		return err
	})
	act("/page/command", func(ctx context.Context, r pageRequest) error {
		_, err := s.SlashCommand(ctx, r.User, r.Channel, r.Command, r.Text)
		return err
	})
	act("/page/submit", func(ctx context.Context, r pageRequest) error {
		_, err := s.SubmitView(ctx, r.User, r.View, r.Values)
		return err
	})
	act("/page/close", func(ctx context.Context, r pageRequest) error {
		_, err := s.CloseView(ctx, r.User, r.View)
		return err
	})
}

// pageRequest is what the page's script sends; each action reads the members it needs.
type pageRequest struct {
	User    string     `json:"user"`
	Channel string     `json:"channel"`
	TS      string     `json:"ts"`
	Action  string     `json:"action"`
	Value   string     `json:"value"`
	Command string     `json:"command"`
	Text    string     `json:"text"`
	View    string     `json:"view"`
	Values  ViewValues `json:"values"`
}

func pageAnswer(err error) object {
	switch {
	case err == nil:
		return object{"ok": true}
	case errors.Is(err, ErrNotAcknowledged):
		return object{"ok": false, "error": "The app did not respond in time. Nobody can tell from here whether it acted."}
	default:
		return object{"ok": false, "error": err.Error()}
	}
}

// pageState is everything one user would see.
func (s *Server) pageState(w http.ResponseWriter, r *http.Request) {
	ws := s.ws
	ws.mu.Lock()
	defer ws.mu.Unlock()
	me := ws.userLocked(r.URL.Query().Get("user"))
	users, channels := []object{}, []object{}
	for _, u := range ws.users {
		o := object{"id": u.ID, "name": u.Name, "real_name": u.RealName, "note": userNote(*u), "app": u.ID == s.cfg.Bot.UserID}
		users = append(users, o)
	}
	for _, c := range ws.channels {
		if me == nil || !c.has(me.ID) {
			continue
		}
		channels = append(channels, object{
			"id": c.ID, "name": c.Name, "topic": c.Topic, "dm": c.dmWith != "", "messages": pageMessagesOf(c, me.ID),
		})
	}
	state := object{
		"version": ws.version, "team": s.cfg.Team.Name, "bot": s.cfg.Bot.Name, "address": s.addr,
		"users": users, "channels": channels, "commands": s.cfg.Commands, "sockets": s.sockets.count(),
		"http": s.targets.url(Interactive) != "", "view": nil,
	}
	if me != nil {
		if stack := ws.views[me.ID]; len(stack) > 0 {
			v := stack[len(stack)-1]
			state["view"] = object{"id": v.ID, "hash": v.Hash, "errors": v.Errors, "view": v.Raw}
		}
	}
	writeJSON(w, state)
}

func pageMessagesOf(c *channel, userID string) []object {
	out := []object{}
	for _, m := range c.messages[max(0, len(c.messages)-pageMessages):] {
		if m.EphemeralTo != "" && m.EphemeralTo != userID {
			continue
		}
		out = append(out, object{
			"ts": m.TS, "thread_ts": m.ThreadTS, "user": m.User, "text": m.Text, "blocks": m.Blocks,
			"ephemeral": m.EphemeralTo != "", "edited": len(m.Edits) > 0,
		})
	}
	return out
}

// userNote says what is unusual about a user: why the app might refuse them.
func userNote(u User) string {
	switch {
	case u.Deleted:
		return "deactivated"
	case u.IsStranger:
		return "from another workspace"
	case u.IsUltraRestricted, u.IsRestricted:
		return "guest"
	case u.EmailUnconfirmed:
		return "email unconfirmed"
	case u.IsBot:
		return "app"
	}
	return ""
}

// pageEvents tells a page, by server-sent events, that there is something new to fetch. Changes in
// quick succession become one event; at most maxStreams pages listen.
func (s *Server) pageEvents(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(time.Time{}); err != nil { // the request has been read whole
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		s.ws.mu.Lock()
		version, changed := s.ws.version, s.ws.changed
		s.ws.mu.Unlock()
		s.sockets.mu.Lock()
		sockets := s.sockets.changed
		s.sockets.mu.Unlock()
		if rc.SetWriteDeadline(time.Now().Add(10*time.Second)) != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %d\n\n", version); err != nil || rc.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-sockets:
		case <-beat.C:
		case <-r.Context().Done():
			return
		case <-s.done.Done():
			return
		}
	}
}
