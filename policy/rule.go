package policy

import (
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Rule says who may use which logins on which hosts, over which channels,
// under whose approval, how long.
type Rule struct {
	Name   string
	Who    Who
	Hosts  Hosts
	Logins []string // empty only in a deny rule: all
	// Allow is what the gate lets through. In a deny rule it is what is
	// denied, and empty there means everything.
	Allow     access.AllowList
	Deny      bool
	InnerAuth string     // "key": the inner login of a jump must be proven; or empty
	When      *Condition // the rule speaks only while it holds; nil: always
	Approval  *Approval  // nil: standing access
	Grant     Grant      // zero without approval
	Record    Record
	Watch     access.Watch // what it wants of those who watch; empty in a deny rule
}

// Record is what a rule asks of the recordings of its sessions.
type Record struct {
	Keep  time.Duration // how long they are kept; 0: as the server has it
	Bulk  access.Bulk   // empty: hash
	Input bool          // what is typed at terminals is kept, as far as it looks like no secret
}

// Who names people, directly or by group.
type Who struct {
	Groups []string
	People []access.PersonName
}

// Includes reports whether w names the person.
func (w Who) Includes(p access.Person) bool {
	return slices.Contains(w.People, p.Name) || p.In(w.Groups...)
}

// and is whoever is in either.
func (w Who) and(o Who) Who {
	return Who{Groups: slices.Concat(w.Groups, o.Groups), People: slices.Concat(w.People, o.People)}
}

// Hosts selects hosts: any of the names and all of the labels, as far as
// given.
type Hosts struct {
	Names  []string // globs as of [path.Match], over names and aliases
	Labels map[string]string
}

// Include reports whether h selects the host. An empty selection selects
// none.
func (h Hosts) Include(host access.Host) bool {
	if len(h.Names) == 0 && len(h.Labels) == 0 {
		return false
	}
	for k, v := range h.Labels {
		if got, ok := host.Labels[k]; !ok || got != v {
			return false
		}
	}
	return len(h.Names) == 0 || slices.ContainsFunc(h.Names, func(glob string) bool {
		return slices.ContainsFunc(host.Names(), func(name string) bool {
			ok, err := path.Match(glob, name)
			return ok && err == nil // globs were checked when the file was read
		})
	})
}

// Approval says who must approve what a rule allows.
type Approval struct {
	By      []Approvers // all must be met, each by people of its own
	Wait    time.Duration
	Channel string // Slack channel; empty for the server's
	Reason  Reason
	Confirm access.Confirm // how a click must be confirmed before it counts
	// BreakGlass lets a person in at once who gives a reason; a review is
	// owed for it.
	BreakGlass bool
	Auto       *Auto // nil: only people approve
	Chase
}

// Auto is when nobody has to be asked: all that is given must hold.
type Auto struct {
	When   *Condition
	OnCall *OnCall
	Max    time.Duration // the grant lasts no longer
}

// OnCall says how to learn who is on call: by a command or a URL that answers
// {"on_call": ["alice"]}, with names or email addresses of people. Whatever
// goes wrong means that nobody is.
type OnCall struct {
	Command []string // with an absolute path; empty with a URL
	URL     string
	Timeout time.Duration
	TTL     time.Duration // how long an answer is kept
}

// Approvers are people of whom Count must approve.
type Approvers struct {
	Who
	Count int
}

// Reason is what a rule asks of the reason for a request.
type Reason struct {
	Required bool
	Pattern  *regexp.Regexp // must be found somewhere in the reason: ^ and $ tie it to its ends; nil: anything
}

// Accepts reports whether a request may give this reason.
func (r Reason) Accepts(reason string) bool {
	if reason == "" {
		return !r.Required
	}
	return r.Pattern == nil || r.Pattern.MatchString(reason)
}

// Grant is how long an approved request lasts.
type Grant struct {
	Default   time.Duration    // when the request names no time
	Max       time.Duration    // at least Default
	UseWithin time.Duration    // unused, it lapses then
	Bind      []access.Binding // empty: the key
	Sessions  int              // how many it opens in all; 0 for any number
}

// needs is how many approvals the rule takes in all.
func (a *Approval) needs() int {
	n := 0
	for _, by := range a.By {
		n += by.Count
	}
	return n
}

// takes reports whether an approval of person could count at all.
func (a *Approval) takes(person access.Person) bool {
	return mayDecide(person, a.Confirm) && slices.ContainsFunc(a.By, func(by Approvers) bool { return by.Includes(person) })
}
