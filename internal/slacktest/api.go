package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxAPIBody = 1 << 20

// apiError is a refusal in Slack's words; it travels as {"ok":false,"error":…} with status 200.
type apiError struct {
	code  string
	extra object
}

func refuse(code string) *apiError { return &apiError{code: code} }

// method is one Web API method: the scope it needs and what it does with its arguments.
type method struct {
	scope string
	app   bool // takes the app-level token rather than the bot's
	do    func(*Server, map[string]string) (object, *apiError)
}

var methods = map[string]method{
	"auth.test":             {do: (*Server).authTest},
	"apps.connections.open": {app: true, do: (*Server).connectionsOpen},
	"chat.postMessage":      {scope: "chat:write", do: (*Server).chatPost},
	"chat.postEphemeral":    {scope: "chat:write", do: (*Server).chatPostEphemeral},
	"chat.update":           {scope: "chat:write", do: (*Server).chatUpdate},
	"chat.delete":           {scope: "chat:write", do: (*Server).chatDelete},
	"conversations.open":    {scope: "im:write", do: (*Server).conversationsOpen},
	"conversations.history": {do: (*Server).conversationsHistory},
	"conversations.replies": {do: (*Server).conversationsReplies},
	"users.info":            {scope: "users:read", do: (*Server).usersInfo},
	"users.lookupByEmail":   {scope: "users:read.email", do: (*Server).usersLookupByEmail},
	"views.open":            {do: (*Server).viewsOpen},
	"views.push":            {do: (*Server).viewsPush},
	"views.update":          {do: (*Server).viewsUpdate},
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	token, args, err := readArgs(w, r)
	if err != nil {
		s.answer(w, name, args, nil, refuse("invalid_form_data"))
		return
	}
	fault, faulty := s.faults.forCall(name)
	if faulty && !s.failBefore(w, r, name, args, fault) {
		return
	}
	reply, refused := s.call(name, token, args)
	if faulty && fault.DropResponse {
		s.journal.call(Call{Method: name, Args: args, At: s.cfg.Now(), Error: "response dropped"})
		panic(http.ErrAbortHandler) // net/http's way of breaking the connection
	}
	s.answer(w, name, args, reply, refused)
}

func (s *Server) call(name, token string, args map[string]string) (object, *apiError) {
	m, known := methods[name]
	right, wrong := s.cfg.BotToken, s.cfg.AppToken
	if m.app {
		right, wrong = wrong, right
	}
	switch {
	case !known:
		return nil, refuse("unknown_method")
	case token == "":
		return nil, refuse("not_authed")
	case token == wrong:
		return nil, refuse("not_allowed_token_type")
	case token != right:
		return nil, refuse("invalid_auth")
	case m.scope != "" && !slices.Contains(s.cfg.Scopes, m.scope):
		return nil, &apiError{"missing_scope", object{"needed": m.scope, "provided": strings.Join(s.cfg.Scopes, ",")}}
	}
	return m.do(s, args)
}

// failBefore plays the part of a fault that comes before the call; false means it was answered.
func (s *Server) failBefore(w http.ResponseWriter, r *http.Request, name string, args map[string]string, f Fault) bool {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return false
		case <-s.done.Done():
			return false
		}
	}
	status := f.Status
	if f.RetryAfter > 0 {
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	switch {
	case status != 0:
		s.journal.call(Call{Method: name, Args: args, At: s.cfg.Now(), Error: strconv.Itoa(status)})
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<html><body>%d</body></html>", status)
		return false
	case f.Error != "":
		s.answer(w, name, args, nil, refuse(f.Error))
		return false
	}
	return true
}

func (s *Server) answer(w http.ResponseWriter, name string, args map[string]string, reply object, refused *apiError) {
	code := ""
	if refused != nil {
		code = refused.code
		reply = object{"ok": false, "error": code}
		maps.Copy(reply, refused.extra)
	} else {
		reply["ok"] = true
	}
	s.journal.call(Call{Method: name, Args: args, At: s.cfg.Now(), Error: code})
	s.cfg.Log.Debug("Slack call", "method", name, "error", code)
	writeJSON(w, reply)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	// The peer may have gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(v)
}

// readArgs takes arguments the ways Slack does: query, form or JSON body; the token from the
// Authorization header or the form.
func readArgs(w http.ResponseWriter, r *http.Request) (token string, args map[string]string, err error) {
	args = map[string]string{}
	values := r.URL.Query()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAPIBody))
	if err != nil {
		return "", args, err
	}
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); {
	case len(body) == 0:
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return "", args, err
		}
		maps.Copy(values, form)
	case kind == "application/json":
		if err := jsonArgs(body, args); err != nil {
			return "", args, err
		}
	default:
		return "", args, errors.New("unsupported content type")
	}
	for k := range values {
		args[k] = values.Get(k)
	}
	token = args["token"]
	delete(args, "token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = bearer
	}
	return token, args, nil
}

func jsonArgs(body []byte, args map[string]string) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return err
	}
	for k, raw := range members {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			args[k] = text
		} else {
			args[k] = string(raw)
		}
	}
	return nil
}

func (s *Server) authTest(map[string]string) (object, *apiError) {
	return object{
		"url": "https://" + s.cfg.Team.Domain + ".slack.com/", "team": s.cfg.Team.Name, "team_id": s.cfg.Team.ID,
		"user": s.cfg.Bot.Name, "user_id": s.cfg.Bot.UserID, "bot_id": s.cfg.Bot.BotID, "is_enterprise_install": false,
	}, nil
}
