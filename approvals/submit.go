package approvals

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// errAskReason says that a request would be posted, and that the person can
// be asked why first.
var errAskReason = errors.New("approvals: ask the person for a reason first")

// post posts the request of a session, or joins an identical one that is
// pending. With mayAsk it is errAskReason that comes back before a request is
// posted without a reason.
func (d *Desk) post(ctx context.Context, s *session, r ruling, mayAsk bool) (*waiter, error) {
	length, refused := r.length(s.app.For)
	if refused != nil {
		return nil, refused
	}
	request := d.draft(r, s.app.Identity, length, s.app.Reason)
	request.Kind = s.app.Kind
	if !d.Encrypted {
		request.Command = s.app.Command
	}
	w := &waiter{session: s, ruling: r, changed: make(chan struct{}, 1)}
	how := manner{breakGlass: s.app.BreakGlass, mayAsk: mayAsk}
	if !how.breakGlass {
		how.auto = d.automatic(ctx, r, s.app.Identity, s.app.Kind)
	}

	d.posting.Lock()
	defer d.posting.Unlock()
	err := d.write(ctx, func(c *change) (err error) {
		w.request, w.joined, err = c.submit(request, r, how)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.addWaiter(w)
	return w, nil
}

// manner is how a request is posted.
type manner struct {
	breakGlass bool
	auto       string // why nobody has to be asked
	mayAsk     bool   // the person can be asked for a reason first
}

// submit posts a request, or joins an identical one that is pending; and
// approves it where nobody has to be asked. It gives the request's ID.
func (c *change) submit(request access.Request, r ruling, how manner) (id access.RequestID, joined bool, err error) {
	if err := c.desk.current(r.policy); err != nil {
		return "", false, err
	}
	if err := c.free(r); err != nil {
		return "", false, err
	}
	found, err := c.join(request)
	if err != nil {
		return "", false, err
	}
	if joined = found.ID != ""; how.mayAsk && request.Reason == "" && (how.breakGlass || !joined) {
		return "", false, errAskReason
	}
	reason := request.Reason
	if joined {
		request = found
	} else if err := c.create(request, r, how); err != nil {
		return "", false, err
	}
	switch {
	case how.breakGlass:
		err = c.breakGlass(request, r, reason)
	case how.auto != "":
		err = c.approveAuto(request, r, how.auto)
	}
	return request.ID, joined, err
}

// length is how long a grant under the ruling is to last, where so much is
// wanted.
func (r ruling) length(wanted time.Duration) (time.Duration, *access.Error) {
	length := cmp.Or(wanted, r.rule.Grant.Default)
	if length < 0 || length > r.rule.Grant.Max {
		return 0, access.Refuse(access.ReasonLimit, fmt.Sprintf("the rule %s gives at most %s", r.rule.Name, exact(r.rule.Grant.Max)), "Ask for less")
	}
	return length, nil
}

// draft makes the request that a ruling comes to.
func (d *Desk) draft(r ruling, id access.Identity, length time.Duration, reason string) access.Request {
	now := d.Now().UTC().Truncate(time.Microsecond)
	request := access.Request{
		ID: access.RequestID(d.NewID()), Person: r.person.Name, Target: r.target, Kinds: slices.Clone(r.kinds),
		Reason: reason, For: length, Rule: r.rule.Name, PolicyDigest: r.policy.Digest, Fingerprint: id.Fingerprint,
		BastionID: d.BastionID, State: access.RequestPending, RequestedAt: now, WaitUntil: now.Add(r.rule.Approval.Wait),
	}
	request.RemindAt, request.EscalateAt = chases(r.rule.Approval.Chase, now)
	if id.Source.IsValid() {
		request.Source = id.Source.String()
	}
	slices.Sort(request.Kinds)
	return request
}

// join finds the pending request that is identical to r; its ID is empty if
// there is none. One whose time is over does not count and is ended.
func (c *change) join(r access.Request) (access.Request, error) {
	found, ok, err := c.IdenticalPending(r)
	if err != nil || !ok {
		return access.Request{}, err
	}
	if !c.now.Before(found.WaitUntil) {
		return access.Request{}, c.lapse(found)
	}
	e := requestEvent(audit.RequestJoined, string(r.Person), found)
	e.Source = r.Source
	return found, c.audit(e)
}

// create inserts a new request, if it can be approved at all and its reason
// is what the rule wants.
func (c *change) create(request access.Request, r ruling, how manner) error {
	list, err := c.locks()
	if err != nil {
		return err
	}
	asked := names(list.approvers(r.policy, r.rule, r.person))
	people := how.auto == "" && !how.breakGlass
	if people && r.policy.Met(r.rule, r.person, asked) > 0 {
		return access.Refuse(access.ReasonNoApprover, fmt.Sprintf("nobody could approve it: the rule %s asks for more people than there are", r.rule.Name),
			"Ask an admin of the bastion")
	}
	if want := r.rule.Approval.Reason; !how.breakGlass && !want.Accepts(request.Reason) {
		e := access.Refuse(access.ReasonNoReason, fmt.Sprintf("the rule %s wants a reason", r.rule.Name),
			"Give one: ssh -o SetEnv=SALLYPORT_REASON='TEXT' …, or --reason TEXT")
		if want.Pattern != nil {
			e.Why += " with " + want.Pattern.String() + " in it"
		}
		return e
	}
	return c.insert(request, r, string(request.Person), asked)
}

// insert inserts a request that an actor posts, and tells of it.
func (c *change) insert(request access.Request, r ruling, actor string, asked []access.PersonName) error {
	if err := c.InsertRequest(request); err != nil {
		return err
	}
	e := requestEvent(audit.RequestCreated, actor, request)
	e.Source = request.Source
	e.Detail = map[string]string{
		"kinds": kindWords(request.Kinds), "for": exact(request.For), "reason": request.Reason, "fingerprint": request.Fingerprint,
		"policy": request.PolicyDigest, "until": request.WaitUntil.Format(time.RFC3339), "asked": strings.Join(asWords(asked), " "),
	}
	if request.Extends != "" {
		e.Grant, e.Detail["extends"] = string(request.Extends), string(request.Extends)
	}
	if err := c.audit(e); err != nil {
		return err
	}
	if err := c.tellExtensionAsked(request, actor); err != nil {
		return err
	}
	return c.show(request.ID)
}
