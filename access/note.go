package access

import "time"

// Bounds of notes.
const (
	LongestNote = 500  // runes of one
	MostNotes   = 1000 // on one recording
)

// Note is what an auditor remarks upon a moment of a recording. It is
// evidence: it can be added, and neither changed nor taken back.
type Note struct {
	Session SessionID
	At      time.Duration // since the session's start
	Text    string        // one line, plain; see [NewNote]
	By      PersonName
	Via     Via
	Made    time.Time
}

// NewNote makes text that somebody typed fit for a note, or refuses it.
func NewNote(id SessionID, at time.Duration, text string, by PersonName, via Via) (Note, error) {
	plain := Plain(text, LongestNote+1)
	switch {
	case plain == "":
		return Note{}, Refuse(ReasonMalformed, "a note says something", "Type what is to be seen there").About(string(id))
	case len([]rune(plain)) > LongestNote:
		return Note{}, Refuse(ReasonMalformed, "the note is too long", "Say it in 500 characters, or in several notes").About(string(id))
	case at < 0:
		return Note{}, Refuse(ReasonMalformed, "nothing was recorded before the start", "Name a later moment").About(string(id))
	}
	return Note{Session: id, At: at.Truncate(time.Microsecond), Text: plain, By: by, Via: via}, nil
}
