package access

import "time"

// TextSource says where a line of text that can be found came from, and so how
// much it proves.
type TextSource string

const (
	TextScreen  TextSource = "screen"  // it stood on the session's screen, or in its output
	TextExec    TextSource = "exec"    // the command line that was sent to the host
	TextFile    TextSource = "file"    // an entry of the ledger of files
	TextCommand TextSource = "command" // the host's shell marked it as a command (OSC 133)
	TextPrompt  TextSource = "prompt"  // it follows what looks like a prompt: a guess
)

// TextLine is one line of text and the moment at which it was complete, since
// the session's start. It holds no control or format characters, but it is
// content: what a person or a host wrote.
type TextLine struct {
	At   time.Duration
	Text string
}

// TextSegment is lines of one source, in the order of their moments, close
// enough in time and few enough to be read at once.
type TextSegment struct {
	Source TextSource
	Lines  []TextLine
}

// SearchQuery selects lines, those of the newest sessions first. Text or Regexp
// is required; the other zero fields select everything.
type SearchQuery struct {
	Text   string // part of a line, in any case
	Regexp string // of Go's syntax (RE2); exclusive with Text
	Person PersonName
	Host   string
	Kind   Kind
	Since  time.Time // when the session began
	Until  time.Time
	Source TextSource // empty: what was seen or sent, without the commands made out in it
	Limit  int        // 0 means 100, at most 1000
}

// Found is what a search came back with.
type Found struct {
	Hits []Hit
	// More says that there may be further hits: Limit was reached, or the
	// search took too long, and what is older was not looked at.
	More bool
	// Waiting is how many ended sessions are not indexed yet, Unread how many
	// never will be (encrypted, damaged), Partly how many are in part, since
	// they hold too much text. Of all sessions, not only those selected.
	Waiting, Unread, Partly int
}

// Hit is one line that was found.
type Hit struct {
	Session SessionID
	Person  PersonName
	Target  Target
	Kind    Kind
	Started time.Time
	Source  TextSource
	Line    TextLine
	Folder  string // of the recording, where a copy was searched; else empty
}
