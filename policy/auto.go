package policy

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"github.com/sallyport/sallyport/internal/strictyaml"
)

// Defaults of the on-call hook, and its longest time-out: who connects waits
// for it.
const (
	defaultOnCallTimeout = 5 * time.Second
	maxOnCallTimeout     = 30 * time.Second
	defaultOnCallTTL     = 30 * time.Second
	maxOnCallTTL         = time.Hour
)

// readAuto takes when nobody has to be asked. Max is filled in by the grant.
func (r *reader) readAuto(key string, f *autoForm) *Auto {
	if f == nil {
		return nil
	}
	if f.When == "" && f.OnCall == nil {
		r.doc.Faultf(key, "would approve everything: give when and/or on_call, or leave approval out for standing access")
	}
	r.positive(key+".max", f.Max)
	return &Auto{When: r.readCondition(key+".when", f.When), OnCall: r.readOnCall(key+".on_call", f.OnCall), Max: f.Max}
}

func (r *reader) readOnCall(key string, f *onCallForm) *OnCall {
	if f == nil {
		return nil
	}
	switch {
	case (len(f.Command) > 0) == (f.URL != ""):
		r.doc.Faultf(key, "is one of command and url")
	case f.URL != "":
		r.checkHook(key+".url", f.URL)
	case !filepath.IsAbs(f.Command[0]):
		r.doc.Faultf(at(key+".command", 0), "%s is no absolute path", strictyaml.Quote(f.Command[0]))
	}
	o := &OnCall{
		Command: f.Command, URL: f.URL,
		Timeout: cmp.Or(f.Timeout, defaultOnCallTimeout), TTL: cmp.Or(f.TTL, defaultOnCallTTL),
	}
	r.positive(key+".timeout", f.Timeout)
	r.positive(key+".ttl", f.TTL)
	if o.Timeout > maxOnCallTimeout {
		r.doc.Faultf(key+".timeout", "must be at most %s: who connects waits for it", strictyaml.FormatDuration(maxOnCallTimeout))
	}
	if o.TTL > maxOnCallTTL {
		r.doc.Faultf(key+".ttl", "must be at most %s: who is no longer on call is let in as long", strictyaml.FormatDuration(maxOnCallTTL))
	}
	return o
}

// checkHook wants a URL whose answer nobody on the way can forge.
func (r *reader) checkHook(key, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		r.doc.Faultf(key, "%s is no URL such as https://oncall.example.com/now, without a password in it", strictyaml.Quote(text))
		return
	}
	local := u.Hostname() == "localhost"
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		local = a.IsLoopback()
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		r.doc.Faultf(key, "must be https, or on this machine: whoever answers it lets people in (%s)", strictyaml.Quote(net.JoinHostPort(u.Hostname(), u.Port())))
	}
}
