package policy

import (
	"cmp"
	"regexp"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

// Defaults of the contract.
const (
	defaultWait      = 30 * time.Minute
	defaultGrant     = time.Hour
	defaultMax       = 4 * time.Hour
	defaultUseWithin = time.Hour
	maxCount         = 20     // approvals in one entry
	maxSessions      = 10_000 // of one grant
)

func (r *reader) readApproval(key string, f *approvalForm) *Approval {
	a := &Approval{Wait: cmp.Or(f.Wait, defaultWait), Channel: f.Channel}
	r.positive(key+".wait", f.Wait)
	if f.Channel != "" && !slackChannel.MatchString(f.Channel) {
		r.doc.Faultf(key+".channel", "%s is no Slack channel ID such as C0123456789 (not a name)", strictyaml.Quote(f.Channel))
	}
	a.By = r.readBy(key, f)
	a.Reason = r.readReason(key+".reason", f.Reason)
	a.BreakGlass = f.BreakGlass
	switch a.Confirm = access.Confirm(f.Confirm); a.Confirm {
	case access.ConfirmNone, access.ConfirmKey, access.ConfirmSecurityKey:
	default:
		r.doc.Faultf(key+".confirm", "%s is neither key nor security-key", strictyaml.Quote(f.Confirm))
	}
	a.Auto = r.readAuto(key+".auto", f.Auto)
	a.Chase = r.readChase(key, f.Remind, f.Escalate, a.Wait)
	return a
}

// readBy takes `by` as one mapping, with the count in it or beside it, or as a
// list of mappings with a count in each.
func (r *reader) readBy(key string, f *approvalForm) []Approvers {
	if f.By == nil || len(f.By.entries) == 0 {
		r.doc.Faultf(key+".by", "is required: {groups: […]} and/or {people: […]}, or a list of such")
		return nil
	}
	if f.Count != nil && (f.By.list || f.By.entries[0].Count != nil) {
		r.doc.Faultf(key+".count", "is not clear: give the count in each entry of by")
	}
	var out []Approvers
	for i, e := range f.By.entries {
		entry, count, countKey := key+".by", e.Count, key+".by.count"
		if f.By.list {
			entry = at(entry, i)
			countKey = entry + ".count"
		}
		if count == nil && !f.By.list {
			count, countKey = f.Count, key+".count"
		}
		by := Approvers{Who: r.readWho(entry, &whoForm{Groups: e.Groups, People: e.People}), Count: 1}
		if count != nil {
			by.Count = *count
		}
		if by.Count < 1 || by.Count > maxCount {
			r.doc.Faultf(countKey, "must be 1 to %d", maxCount)
		}
		out = append(out, by)
	}
	return out
}

func (r *reader) readReason(key string, f *reasonForm) Reason {
	if f == nil {
		return Reason{}
	}
	if f.Pattern == "" {
		return Reason{Required: f.Required != nil && *f.Required}
	}
	if f.Required != nil && !*f.Required {
		r.doc.Faultf(key+".required", "contradicts the pattern, which no missing reason can meet")
	}
	re, err := regexp.Compile(f.Pattern)
	if err != nil {
		r.doc.Faultf(key+".pattern", "%v", err)
	}
	return Reason{Required: true, Pattern: re}
}

// readGrant fills in what is left out: max is 4h, or the default if that is
// longer.
func (r *reader) readGrant(key string, f *grantForm) Grant {
	if f == nil {
		f = &grantForm{}
	}
	r.positive(key+".default", f.Default)
	r.positive(key+".max", f.Max)
	r.positive(key+".use_within", f.UseWithin)
	g := Grant{Default: f.Default, Max: f.Max, UseWithin: cmp.Or(f.UseWithin, defaultUseWithin)}
	if g.Default == 0 {
		g.Default = defaultGrant
		if g.Max > 0 {
			g.Default = min(defaultGrant, g.Max)
		}
	}
	if g.Max == 0 {
		g.Max = max(defaultMax, g.Default)
	}
	r.distinct(key+".bind", f.Bind)
	if r.doc.Has(key+".bind") && len(f.Bind) == 0 {
		r.doc.Faultf(key+".bind", "is empty; leave it out to bind the key")
	}
	for i, b := range f.Bind {
		switch binding := access.Binding(b); binding {
		case access.BindKey, access.BindAddress:
			g.Bind = append(g.Bind, binding)
		default:
			r.doc.Faultf(at(key+".bind", i), "%s is neither key nor address", strictyaml.Quote(b))
		}
	}
	if f.Sessions != nil {
		if g.Sessions = *f.Sessions; g.Sessions < 1 || g.Sessions > maxSessions {
			r.doc.Faultf(key+".sessions", "must be 1 to %d; leave it out for any number", maxSessions)
		}
	}
	if g.Default > g.Max {
		r.doc.Faultf(key+".default", "%s is longer than max, %s", strictyaml.FormatDuration(g.Default), strictyaml.FormatDuration(g.Max))
	}
	return g
}

// positive refuses a duration of zero that was given.
func (r *reader) positive(key string, d time.Duration) {
	if d == 0 && r.doc.Has(key) {
		r.doc.Faultf(key, "must be longer than nothing")
	}
}
