package approvals_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

var (
	modelSteps = flag.Int("model.steps", 2000, "steps of the model test")
	modelSeed  = flag.Uint64("model.seed", 0, "seed of the model test; 0 takes one from the clock")
)

// TestModel does random things to a desk and to a model of what a desk should
// be, written as plainly as possible, and compares them after each step:
// requests, grants, who waits and which sessions live.
func TestModel(t *testing.T) {
	seed := *modelSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-model.seed=%d -model.steps=%d", seed, *modelSteps)
	m := newModel(t, rand.New(rand.NewPCG(seed, seed)))
	for step := range *modelSteps {
		what := m.step()
		m.trail = append(m.trail, what)
		if m.compare(); t.Failed() {
			t.Fatalf("after step %d; the last ones were:\n%v", step, m.trail[max(0, len(m.trail)-12):])
		}
	}
	if _, _, err := m.w.store.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	if m.admitted < *modelSteps/50 || m.waited < *modelSteps/50 {
		t.Errorf("the steps lead nowhere: %d admitted, %d waited", m.admitted, m.waited)
	}
}

// rulebook is what the model knows of an access file.
type rulebook struct {
	policy *policy.Policy
	leads  []string
	rules  map[string]string // target to rule
	asks   bool              // alice and robot may ask
}

type model struct {
	t        *testing.T
	w        *world
	r        *rand.Rand
	now      time.Time
	books    []rulebook
	book     rulebook
	requests []*asked // oldest first
	sessions []*sitting
	waiting  []*standing
	trail    []string
	admitted int
	waited   int
}

type asked struct {
	id          access.RequestID
	key, to     string
	rule        string
	ahead       bool
	state       access.RequestState
	until       time.Time
	approvals   []string
	grant       access.GrantState // empty without one
	grantID     access.GrantID
	useBy, ends time.Time
}

type sitting struct {
	key, to string
	rule    string
	pass    *access.Pass
	under   *asked
}

type standing struct {
	v       *visit
	key, to string
	for_    *asked
}

func newModel(t *testing.T, r *rand.Rand) *model {
	w := newWorld(t)
	leads := []string{"bob", "carol", "dave"}
	both := map[string]string{"root@db1": "prod", "root@vault1": "vault"}
	m := &model{t: t, w: w, r: r, now: start}
	m.books = []rulebook{
		{w.first, leads, both, true},
		{w.edited("groups: [sre, leads]", "groups: [sre]"), leads[1:], both, true},
		{w.edited("name: prod", "name: production"), leads, map[string]string{"root@db1": "production", "root@vault1": "vault"}, true},
		{w.edited("{name: alice, groups: [sre]", "{name: alice, groups: []",
			"owner: bob, groups: [sre]", "owner: bob, groups: []"), leads, nil, false},
	}
	m.book = m.books[0]
	return m
}

func person(key string) string {
	if key == "alice2" {
		return "alice"
	}
	return key
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// step does one thing to both, and says what.
func (m *model) step() string {
	key, to := pick(m.r, []string{"alice", "alice2", "robot"}), pick(m.r, []string{"root@db1", "root@vault1"})
	var any *asked
	if len(m.requests) > 0 { // mostly recent ones
		any = m.requests[max(0, len(m.requests)-1-m.r.IntN(6))]
	}
	switch n := m.r.IntN(100); {
	case n < 10:
		return m.ask(key, to)
	case n < 30:
		return m.enter(key, to)
	case n < 34 && len(m.waiting) > 0:
		return m.withdraw(m.r.IntN(len(m.waiting)))
	case n < 64 && any != nil:
		return m.decide(any)
	case n < 66 && any != nil:
		return m.cancel(any)
	case n < 68 && any != nil:
		return m.endGrant(any)
	case n < 76 && len(m.sessions) > 0:
		return m.leave(m.r.IntN(len(m.sessions)))
	case n < 88:
		return m.clock(time.Duration(m.r.IntN(12*60)) * time.Second)
	case n < 98:
		if m.book.policy != m.w.first {
			return m.reload(m.books[0]) // where most happens
		}
		return m.reload(pick(m.r, m.books))
	default:
		return m.restart()
	}
}

func (m *model) expect(what string, err error, want access.Reason) {
	m.t.Helper()
	got := access.Reason("")
	if err != nil {
		got = access.AsError(err).Reason
	}
	if got != want {
		m.t.Fatalf("%s: got %q (%v), want %q\n%v", what, got, err, want, m.trail[max(0, len(m.trail)-12):])
	}
}

// pending finds what an identical request would join.
func (m *model) pending(key, to, rule string) *asked {
	for _, a := range m.requests {
		if a.state == access.RequestPending && a.key == key && a.to == to && a.rule == rule {
			return a
		}
	}
	return nil
}

// known finds a request by ID, or takes note of a new one.
func (m *model) known(id access.RequestID, key, to string, ahead bool) *asked {
	for _, a := range m.requests {
		if a.id == id {
			return a
		}
	}
	a := &asked{id: id, key: key, to: to, rule: m.book.rules[to], ahead: ahead, state: access.RequestPending, until: m.now.Add(30 * time.Minute)}
	m.requests = append(m.requests, a)
	return a
}

func (m *model) ask(key, to string) string {
	what := fmt.Sprintf("%s asks for %s", key, to)
	r, err := m.w.Ask(m.t.Context(), m.w.by(key), target(to), nil, 0, "INC-1")
	if !m.book.asks {
		m.expect(what, err, access.ReasonNoRule)
		return what
	}
	m.expect(what, err, "")
	if a := m.pending(key, to, m.book.rules[to]); a != nil && a.id != r.ID {
		m.t.Errorf("%s: a second identical request", what)
	}
	m.known(r.ID, key, to, true)
	return what + " " + string(r.ID[20:])
}

// best is the grant that would let a session in.
func (m *model) best(key, to, rule string) *asked {
	var best *asked
	for _, a := range m.requests {
		switch {
		case a.key != key || a.to != to || a.rule != rule:
		case a.grant == access.GrantActive && a.ends.After(m.now):
			if best == nil || best.grant != access.GrantActive || a.ends.After(best.ends) {
				best = a
			}
		case a.grant == access.GrantReady && a.useBy.After(m.now):
			if best == nil || best.grant == access.GrantReady && a.useBy.Before(best.useBy) {
				best = a
			}
		}
	}
	return best
}

func (m *model) use(a *asked) {
	if a.grant == access.GrantReady {
		a.grant, a.ends = access.GrantActive, m.now.Add(time.Hour)
	}
}

func (m *model) enter(key, to string) string {
	what := fmt.Sprintf("%s enters %s", key, to)
	v := m.w.open(key, to, access.KindShell)
	if !m.book.asks {
		v.refused(access.ReasonNoRule)
		return what
	}
	m.settle(&standing{v: v, key: key, to: to})
	return what
}

// settle awaits what must become of somebody at the door: in under a grant,
// or waiting for a request.
func (m *model) settle(s *standing) {
	m.t.Helper()
	rule := m.book.rules[s.to]
	if g := m.best(s.key, s.to, rule); g != nil {
		m.use(g)
		p := s.v.admitted()
		m.admitted++
		if p.Grant != g.grantID || !p.NotAfter.Equal(g.ends) {
			m.t.Errorf("in under %s until %v, want %s until %v", p.Grant, p.NotAfter, g.grantID, g.ends)
		}
		m.sessions = append(m.sessions, &sitting{s.key, s.to, rule, p, g})
		return
	}
	join := m.pending(s.key, s.to, rule)
	for {
		told := s.v.waits()
		if s.for_ != nil && told.Request == s.for_.id {
			continue // older news
		}
		if join != nil && told.Request != join.id {
			m.t.Errorf("waits for %s, want %s", told.Request, join.id)
		}
		s.for_ = m.known(told.Request, s.key, s.to, false)
		break
	}
	m.waited++
	m.waiting = append(m.waiting, s)
}

// follow lets those who wait feel what became of their requests.
func (m *model) follow(swept bool) {
	m.t.Helper()
	old := m.waiting
	m.waiting = nil
	var again []*standing
	for _, s := range old {
		for len(s.v.told) > 50 { // nobody reads old news
			<-s.v.told
		}
		switch s.for_.state {
		case access.RequestPending:
			m.waiting = append(m.waiting, s)
		case access.RequestApproved:
			again = append(again, s)
		case access.RequestDenied:
			s.v.refused(access.ReasonDenied)
		case access.RequestLapsed:
			s.v.refused(access.ReasonLapsed)
		case access.RequestCancelled:
			switch {
			case !swept:
				s.v.refused(access.ReasonCancelled)
			case !m.book.asks:
				s.v.refused(access.ReasonNoRule)
			default:
				again = append(again, s)
			}
		}
	}
	for _, s := range again {
		m.settle(s)
	}
}

func (m *model) withdraw(i int) string {
	s := m.waiting[i]
	m.waiting = slices.Delete(m.waiting, i, i+1)
	last := !slices.ContainsFunc(m.waiting, func(o *standing) bool { return o.for_ == s.for_ })
	s.v.end(withdrawn)
	s.v.refused(access.ReasonCancelled)
	if last && !s.for_.ahead {
		s.for_.state = access.RequestCancelled
	}
	return fmt.Sprintf("%s withdraws from %s", s.key, s.for_.id[20:])
}

func (m *model) decide(a *asked) string {
	who := pick(m.r, []string{"bob", "carol", "dave", "alice", "erin"})
	v := access.VerdictApprove
	if m.r.IntN(6) == 0 {
		v = access.VerdictDeny
	}
	what := fmt.Sprintf("%s: %s %s", who, v, a.id[20:])
	var err error
	if who == "carol" {
		_, err = m.w.DecideSlack(m.t.Context(), "U0CAROL", a.id, v, "")
	} else {
		_, err = m.w.Decide(m.t.Context(), m.w.by(who), a.id, v, "")
	}
	eligible := func(who string) bool {
		return slices.Contains(m.book.leads, who) && !(who == "bob" && a.key == "robot")
	}
	switch {
	case a.state != access.RequestPending:
		m.expect(what, err, access.ReasonDecided)
		return what
	case who == person(a.key), who == "bob" && a.key == "robot":
		m.expect(what, err, access.ReasonSelf)
		return what
	case !eligible(who):
		m.expect(what, err, access.ReasonNotAllowed)
		return what
	case v == access.VerdictDeny && slices.Contains(a.approvals, who):
		m.expect(what, err, access.ReasonDecided)
		return what
	case v == access.VerdictDeny:
		a.state = access.RequestDenied
	default:
		repeated := slices.Contains(a.approvals, who)
		if !repeated {
			a.approvals = append(a.approvals, who)
		}
		count := 0
		for _, who := range a.approvals {
			if eligible(who) {
				count++
			}
		}
		switch {
		case a.rule == "vault" && count >= 2, a.rule != "vault" && count >= 1:
			m.approved(a)
		case repeated:
			m.expect(what, err, access.ReasonDecided)
			return what
		}
	}
	m.expect(what, err, "")
	m.follow(false)
	return what
}

func (m *model) approved(a *asked) {
	a.state, a.grant = access.RequestApproved, access.GrantReady
	a.useBy = m.now.Add(20 * time.Minute)
	if a.rule == "vault" {
		a.useBy = m.now.Add(time.Hour)
	}
	a.grantID = m.w.request(a.id).Grant.ID
}

func (m *model) cancel(a *asked) string {
	what := "cancel " + string(a.id[20:])
	err := m.w.Cancel(m.t.Context(), m.w.by(a.key), a.id)
	if a.state != access.RequestPending {
		m.expect(what, err, access.ReasonDecided)
		return what
	}
	m.expect(what, err, "")
	a.state = access.RequestCancelled
	m.follow(false)
	return what
}

func (m *model) endGrant(a *asked) string {
	what, next := "release "+string(a.id[20:]), access.GrantReleased
	var err error
	if m.r.IntN(2) == 0 && a.grantID != "" {
		err = m.w.Release(m.t.Context(), m.w.by(a.key), a.grantID)
	} else {
		what, next = "revoke "+string(a.id[20:]), access.GrantRevoked
		err = m.w.Revoke(m.t.Context(), local, string(a.id), "")
	}
	switch {
	case a.state == access.RequestPending:
		m.expect(what, err, access.ReasonNotFound)
	case !a.grant.Live():
		m.expect(what, err, access.ReasonDecided)
	default:
		m.expect(what, err, "")
		m.over(a, next)
	}
	return what
}

// over ends a grant; its sessions go on under another, or end.
func (m *model) over(a *asked, next access.GrantState) {
	a.grant = next
	for i := 0; i < len(m.sessions); i++ {
		s := m.sessions[i]
		if s.under != a {
			continue
		}
		if other := m.best(s.key, s.to, s.rule); other != nil {
			m.use(other)
			s.under = other
			continue
		}
		m.gone(i)
		i--
	}
}

// gone checks that a session ended.
func (m *model) gone(i int) {
	s := m.sessions[i]
	if s.pass.Context.Err() == nil {
		m.t.Errorf("a session of %s on %s lives on", s.key, s.to)
	}
	s.pass.Done()
	m.sessions = slices.Delete(m.sessions, i, i+1)
}

func (m *model) leave(i int) string {
	s := m.sessions[i]
	s.pass.Done()
	m.sessions = slices.Delete(m.sessions, i, i+1)
	return fmt.Sprintf("%s leaves %s", s.key, s.to)
}

func (m *model) clock(d time.Duration) string {
	m.now = m.now.Add(d)
	m.w.pass(d)
	m.lapse()
	m.follow(false)
	return fmt.Sprintf("%v pass", d)
}

// lapse ends what ran out, in the order of the grants.
func (m *model) lapse() {
	var due []*asked
	for _, a := range m.requests {
		if a.state == access.RequestPending && !m.now.Before(a.until) {
			a.state = access.RequestLapsed
		}
		if a.grant == access.GrantReady && !m.now.Before(a.useBy) || a.grant == access.GrantActive && !m.now.Before(a.ends) {
			due = append(due, a)
		}
	}
	slices.SortFunc(due, func(a, b *asked) int { return compareIDs(a.grantID, b.grantID) })
	for _, a := range due {
		if a.grant == access.GrantReady {
			m.over(a, access.GrantLapsed)
		} else {
			m.over(a, access.GrantExpired)
		}
	}
}

func compareIDs(a, b access.GrantID) int {
	if a < b {
		return -1
	}
	return 1
}

func (m *model) reload(b rulebook) string {
	m.book = b
	m.w.reload(b.policy)
	for _, a := range m.requests {
		if b.rules[a.to] == a.rule {
			continue
		}
		if a.state == access.RequestPending {
			a.state = access.RequestCancelled
		}
	}
	// Grants end in their order; nothing of another rule covers instead.
	for _, a := range m.requests {
		if a.grant.Live() && b.rules[a.to] != a.rule {
			a.grant = access.GrantRevoked
		}
	}
	for i := len(m.sessions) - 1; i >= 0; i-- {
		if !m.sessions[i].under.grant.Live() {
			m.gone(i)
		}
	}
	m.follow(true)
	return fmt.Sprintf("reload: leads %v, rules %v", b.leads, b.rules)
}

func (m *model) restart() string {
	for _, s := range m.waiting {
		s.v.end(context.Canceled)
		s.v.refused(access.ReasonCancelled)
	}
	for _, s := range m.sessions {
		s.pass.Done()
	}
	m.waiting, m.sessions = nil, nil
	m.w.restart()
	return "restart"
}

// compare checks that desk and model agree.
func (m *model) compare() {
	m.t.Helper()
	for _, a := range m.requests[max(0, len(m.requests)-12):] {
		r := m.w.request(a.id)
		var grant access.GrantState
		if r.Grant != nil {
			grant = r.Grant.State
			if a.grant == access.GrantActive && !r.Grant.NotAfter.Equal(a.ends) {
				m.t.Errorf("grant of %s ends at %v, want %v", a.id[20:], r.Grant.NotAfter, a.ends)
			}
		}
		if r.State != a.state || grant != a.grant {
			m.t.Errorf("%s of %s is %s %s, want %s %s", a.id[20:], a.key, r.State, grant, a.state, a.grant)
		}
	}
	live, err := m.w.store.Grants(m.t.Context(), access.GrantQuery{Live: true})
	if err != nil {
		m.t.Fatal(err)
	}
	want := 0
	for _, a := range m.requests {
		if a.grant.Live() {
			want++
		}
	}
	if len(live) != want {
		m.t.Errorf("%d grants are live, want %d", len(live), want)
	}
	for _, s := range m.sessions {
		if s.pass.Context.Err() != nil {
			m.t.Errorf("the session of %s on %s ended: %v", s.key, s.to, context.Cause(s.pass.Context))
		}
	}
	for _, s := range m.waiting {
		select {
		case <-s.v.done:
			m.t.Errorf("%s does not wait for %s any more: %v", s.key, s.to, s.v.err)
		default:
		}
	}
}
