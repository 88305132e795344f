package access

// MessageRef says where a request is shown, so that what is shown can be
// changed for as long as it stands there. For Slack: channel and ts.
type MessageRef struct {
	Channel string
	TS      string
}

// Notice is what a notifier is asked to show: the request as it stands now,
// and what the policy says of it. It is made anew for each delivery, so a
// notice that was delayed tells the present, not the past.
type Notice struct {
	Request  Request // with decisions and grant
	Host     Host    // zero if it is not in the inventory any more
	Channel  string  // of the rule's approval; empty means the default
	Asked    []Person
	Missing  int    // approvals still needed while pending
	Cause    string // why it ended, in plain words; empty while pending
	EndedWhy string // why its grant ended, in plain words; empty while live
	Risks    []Risk // as of when it was asked
	Usage    Usage
}

// Telling is what a notifier is asked to tell once, beside the card: effects of
// one place, in their order.
type Telling struct {
	Effects  []Effect   // at least one
	Notice   Notice     // of their request; in a digest of nothing
	Requests []Request  // in a digest, one for each effect
	Card     MessageRef // in whose thread; elsewhere zero
	Person   Person     // to whom, in private; elsewhere zero
	Asked    []Person
	// Again: some of them may have been told before, when the answer was lost
	// or the process died. Whoever can must look first.
	Again bool
}
