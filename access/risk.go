package access

import "time"

// Risk is one signal that may help to decide: what is unusual about a request,
// by what was before it. It explains itself and decides nothing.
type Risk struct {
	Signal RiskSignal
	Text   string // for people, one line of plain text
	Raised bool   // unusual; else it only informs
}

// RiskSignal names a signal for machines.
type RiskSignal string

const (
	RiskFirstTime  RiskSignal = "first_time"  // on this host
	RiskHour       RiskSignal = "hour"        // outside the person's usual hours
	RiskAddress    RiskSignal = "address"     // not seen from there before
	RiskKey        RiskSignal = "key"         // a key not used before
	RiskFrequency  RiskSignal = "frequency"   // how often in 30 days
	RiskLastDenied RiskSignal = "last_denied" // the last one like it was denied
)

// History is what was before a request: of its person, and of its person on
// its host. Only sessions count as known addresses, keys and hours: whoever
// holds a stolen key may ask as often as they like and stays unknown by it.
type History struct {
	Sessions    int       // of the person, in RiskWindow
	Hours       [24]int   // those sessions, by the hour they began at, UTC
	OnHost      int       // sessions of the person on the host, ever
	LastOnHost  time.Time // the last of them; zero for none
	FromAddress bool      // a session of the person came from this address, in RiskWindow
	WithKey     bool      // a session of the person was proven by this key, in RiskWindow
	Asked       int       // requests of the person for this login on this host in 30 days
	Denied      Decision  // on the last decided one of those, if it was denied
}

// RiskWindow is how far back hours, addresses and keys are looked for.
const RiskWindow = 90 * 24 * time.Hour
