package access

import "time"

// RequestQuery selects requests, newest first.
type RequestQuery struct {
	Person PersonName
	Host   string
	State  RequestState
	Owed   bool // a break-glass access that nobody has reviewed yet
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
