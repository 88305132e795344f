package slackbot

import "github.com/sallyport/sallyport/access"

// MessageRef says where a request is shown. Its fields are those of the desk's type of that name,
// so that one converts to the other.
type MessageRef struct {
	Channel string
	TS      string
}

// Notice is a request as it stands and what the policy says of it. Its fields are those of the
// desk's type of that name, so that one converts to the other.
type Notice struct {
	Request  access.Request // with decisions and grant
	Channel  string         // of the rule's approval; empty means the default
	Asked    []access.Person
	Missing  int    // approvals still needed while pending
	Cause    string // why it ended, in plain words; empty while pending
	EndedWhy string // why its grant ended, in plain words; empty while live
}
