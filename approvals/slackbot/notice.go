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
	Host     access.Host    // zero if it is not in the inventory any more
	Channel  string         // of the rule's approval; empty means the default
	Asked    []access.Person
	Missing  int           // approvals still needed while pending
	Cause    string        // why it ended, in plain words; empty while pending
	EndedWhy string        // why its grant ended, in plain words; empty while live
	Risks    []access.Risk // as of when it was asked
	Usage    access.Usage
}

// Telling is effects of one place, in their order: see the desk's type of that name.
type Telling struct {
	Effects  []access.Effect  // at least one
	Notice   Notice           // of their request; in a digest of nothing
	Requests []access.Request // in a digest, one for each effect
	Card     MessageRef       // in whose thread; elsewhere zero
	Person   access.Person    // to whom, in private; elsewhere zero
	Asked    []access.Person
	Again    bool // some may have been told before: look first
}
