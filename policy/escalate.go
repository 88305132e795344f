package policy

import (
	"slices"
	"time"
)

// Chase is what is done about a request that nobody decides.
type Chase struct {
	Remind   time.Duration // those who are asked, again and again; 0 for never
	Escalate *Escalate     // nil: nobody else is asked
}

// Escalate asks others too, once a request has waited for After. Their word
// counts like that of those who were asked first, in any of their places; how
// many are needed stays the same.
type Escalate struct {
	After time.Duration
	By    Who
}

// escalateForm is what the file says of it.
type escalateForm struct {
	After time.Duration  `yaml:"after"`
	By    *approversForm `yaml:"by"`
}

func (r *reader) readChase(key string, remind time.Duration, f *escalateForm, wait time.Duration) Chase {
	r.positive(key+".remind", remind)
	c := Chase{Remind: remind}
	if remind > 0 && remind < time.Minute {
		r.doc.Faultf(key+".remind", "must be a minute or more: each reminder calls everybody who is asked")
	}
	if f == nil {
		return c
	}
	key += ".escalate"
	if f.After <= 0 || f.After >= wait {
		r.doc.Faultf(key+".after", "must be longer than nothing and shorter than wait, in which the request lapses")
	}
	if f.By == nil {
		r.doc.Faultf(key+".by", "is required: {groups: […]} and/or {people: […]}")
		return c
	}
	if f.By.Count != nil {
		r.doc.Faultf(key+".by.count", "is not for escalation: as many approvals are needed as before")
	}
	c.Escalate = &Escalate{After: f.After, By: r.readWho(key+".by", &whoForm{Groups: f.By.Groups, People: f.By.People})}
	return c
}

// Escalated is the rule as it stands for a request that was escalated: others
// may take any place. The rule itself where it does not escalate.
func (r *Rule) Escalated() *Rule {
	if r.Approval == nil || r.Approval.Escalate == nil {
		return r
	}
	wider, approval := *r, *r.Approval
	more := r.Approval.Escalate.By
	approval.By = slices.Clone(approval.By)
	for i, by := range approval.By {
		approval.By[i].Who = by.and(more)
	}
	wider.Approval = &approval
	return &wider
}
