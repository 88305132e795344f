package slacktest

import (
	"slices"
	"strings"
)

func (s *Server) usersInfo(args map[string]string) (object, *apiError) {
	u, ok := s.ws.user(args["user"])
	if !ok {
		return nil, refuse("user_not_found")
	}
	return object{"user": s.profile(u)}, nil
}

func (s *Server) usersLookupByEmail(args map[string]string) (object, *apiError) {
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.users {
		if u.Email != "" && strings.EqualFold(u.Email, args["email"]) && !u.Deleted {
			return object{"user": s.profile(*u)}, nil
		}
	}
	return nil, refuse("users_not_found")
}

// profile is the user object of users.info.
func (s *Server) profile(u User) object {
	p := object{"real_name": u.RealName, "display_name": u.Name, "team": u.TeamID}
	if slices.Contains(s.cfg.Scopes, "users:read.email") {
		p["email"] = u.Email
	}
	o := object{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "profile": p,
		"deleted": u.Deleted, "is_bot": u.IsBot, "is_restricted": u.IsRestricted,
		"is_ultra_restricted": u.IsUltraRestricted, "is_email_confirmed": !u.EmailUnconfirmed,
		"updated": s.cfg.Now().Unix(),
	}
	if u.IsStranger {
		o["is_stranger"] = true // Slack leaves it out for everybody else
	}
	return o
}
