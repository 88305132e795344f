package access

import "time"

// Trip is a session to a host that somebody begins from the console, on the
// terminal that the console is on.
type Trip struct {
	Target Target
	Reason string        // for a request, if one has to be posted; empty asks at the terminal
	For    time.Duration // how long its grant shall last; 0 for the rule's default
}

// Return is how a trip ended.
type Return struct {
	Session SessionID
	Status  int    // as ssh would exit: the program's own, 254 or 255
	Signal  string // that ended the program, such as KILL; empty for none
	// Err is why there was no session, or why it was ended; nil when the
	// program ended by itself. It has been shown on the terminal.
	Err *Error
}
