package access

import "time"

// SessionQuery selects sessions, newest first. Zero fields select everything.
type SessionQuery struct {
	Person PersonName
	Host   string
	Kind   Kind
	State  SessionState
	Since  time.Time
	Until  time.Time
	Before SessionID // page: those older than this one
	Limit  int       // 0 means 1000
}

// RequestQuery selects requests, newest first.
type RequestQuery struct {
	Person PersonName
	Host   string
	State  RequestState
	Since  time.Time
	Limit  int // 0 means 1000
}

// GrantQuery selects grants, newest first.
type GrantQuery struct {
	Person PersonName
	Host   string
	Live   bool // ready or active only
	Limit  int  // 0 means 1000
}
