package approvals_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
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
	if os.Getenv("SALLYPORT_SOAK") != "" {
		*modelSteps = max(*modelSteps, 40_000)
	}
	t.Logf("-model.seed=%d -model.steps=%d", seed, *modelSteps)
	m := newModel(t, rand.New(rand.NewPCG(seed, seed)))
	defer func() {
		if t.Failed() {
			t.Logf("the last steps were:\n%s", strings.Join(m.trail[max(0, len(m.trail)-12):], "\n"))
		}
	}()
	for step := range *modelSteps {
		what := m.step()
		m.trail = append(m.trail, what)
		if m.compare(); t.Failed() {
			t.Fatalf("after step %d", step)
		}
	}
	if _, _, err := m.w.store.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("%d admitted, %d waited, %d extended, %d confirmed, %d let themselves in, %d reviewed, %d approved by the rule", m.admitted, m.waited, m.extended, m.confirmed, m.letIn, m.reviewed, m.unasked)
	if m.admitted < *modelSteps/100 || m.waited < *modelSteps/50 || m.extended < *modelSteps/10000 || m.letIn < *modelSteps/5000 || m.reviewed < *modelSteps/5000 || m.unasked < *modelSteps/5000 {
		t.Error("the steps lead nowhere")
	}
}

// rulebook is what the model knows of an access file.
type rulebook struct {
	policy *policy.Policy
	leads  []string
	rules  map[string]string // target to rule
	asks   bool              // alice and robot may ask
	// confirm: clicks wait for a key; sessions: so many under a grant for
	// root@db1, 0 for any number.
	confirm  bool
	sessions int
	// auto: in the first twenty minutes of an hour nobody has to be asked for
	// root@db1, for a quarter of an hour.
	auto bool
}

type model struct {
	t                          *testing.T
	w                          *world
	r                          *rand.Rand
	now                        time.Time
	books                      []rulebook
	book                       rulebook
	requests                   []*asked // oldest first
	sessions                   []*sitting
	waiting                    []*standing
	trail                      []string
	locked                     map[string]bool // "person:alice", "host:db1"
	admitted                   int
	waited                     int
	extended                   int
	confirmed, letIn, reviewed int
	unasked                    int
}

// vote is one person's approval.
type vote struct {
	who      string
	clicked  bool // and not confirmed yet
	key      bool
	shortens bool // to half an hour
}

type asked struct {
	id          access.RequestID
	key, to     string
	rule        string
	ahead       bool
	state       access.RequestState
	until       time.Time
	votes       []vote
	half        bool // approved for half an hour only
	auto        bool // nobody was asked
	glass       bool // let in without approval
	reviewed    bool
	sessions    int // of its grant, 0 for any number
	opened      int
	grant       access.GrantState // empty without one
	grantID     access.GrantID
	useBy, ends time.Time
	begun       time.Time     // its first session
	extends     *asked        // asks for more of this one
	length      time.Duration // of an extension
}

type sitting struct {
	key, to string
	rule    string
	pass    *access.Pass
	under   *asked
	id      access.SessionID
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
	m := &model{t: t, w: w, r: r, now: start, locked: map[string]bool{}}
	edited := func(more ...string) *policy.Policy {
		return w.edited(append([]string{prodApproval, "approval: {by: {groups: [leads]}, wait: 30m, break_glass: true}"}, more...)...)
	}
	m.books = []rulebook{
		{edited(), leads, both, true, false, 0, false},
		{edited("groups: [sre, leads]", "groups: [sre]"), leads[1:], both, true, false, 0, false},
		{edited("name: prod", "name: production"), leads, map[string]string{"root@db1": "production", "root@vault1": "vault"}, true, false, 0, false},
		{edited("{name: alice, groups: [sre]", "{name: alice, groups: []",
			"owner: bob, groups: [sre]", "owner: bob, groups: []"), leads, nil, false, false, 0, false},
		{w.edited(prodApproval, "approval: {by: {groups: [leads]}, wait: 30m, break_glass: true, confirm: key}",
			"count: 2", "count: 2, confirm: key", "use_within: 20m", "use_within: 20m, sessions: 2"),
			[]string{"bob", "dave"}, both, true, true, 2, false},
		{w.edited(prodApproval, "approval: {by: {groups: [leads]}, wait: 30m, break_glass: true, auto: {when: now.getMinutes() < 20, max: 15m}}"),
			leads, both, true, false, 0, true},
	}
	m.book = m.books[0]
	w.reload(m.book.policy)
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
	case n < 9:
		return m.ask(key, to)
	case n < 10:
		return m.breakGlass(key, to)
	case n < 30:
		return m.enter(key, to)
	case n < 34 && len(m.waiting) > 0:
		return m.withdraw(m.r.IntN(len(m.waiting)))
	case n < 64 && any != nil:
		if i := slices.IndexFunc(m.requests, func(a *asked) bool { return a.state == access.RequestPending }); i >= 0 && m.r.IntN(2) == 0 {
			any = m.requests[i]
		}
		return m.decide(any)
	case n < 66 && any != nil:
		return m.cancel(any)
	case n < 68 && any != nil:
		return m.endGrant(any)
	case n < 76 && any != nil:
		if len(m.sessions) > 0 && m.r.IntN(4) > 0 { // else there would seldom be anything to extend
			any = pick(m.r, m.sessions).under
		}
		return m.extend(any)
	case n < 78 && m.r.IntN(3) == 0: // seldom, and not for long: nothing else happens meanwhile
		return m.lock()
	case n < 78 && len(m.locked) > 0:
		return m.unlock()
	case n < 81 && len(m.sessions) > 0:
		return m.leave(m.r.IntN(len(m.sessions)))
	case n == 81 && m.r.IntN(4) == 0: // somebody sets it
		return m.clock(time.Duration(m.r.IntN(180)-60) * time.Minute)
	case n < 84:
		return m.review()
	case n < 93:
		return m.clock(time.Duration(m.r.IntN(12*60)) * time.Second)
	case n < 98:
		if m.book.policy != m.books[0].policy && !m.book.confirm && (!m.book.auto || m.r.IntN(2) == 0) {
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
		if a.state == access.RequestPending && a.key == key && a.to == to && a.rule == rule && a.extends == nil {
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
	r, err := m.w.Ask(m.t.Context(), m.w.by(key), access.Ask{Target: target(to), Reason: "INC-1"})
	if !m.book.asks {
		m.expect(what, err, access.ReasonNoRule)
		return what
	}
	if m.out(key, to) {
		m.expect(what, err, access.ReasonLocked)
		return what
	}
	if m.hopeless(key, to) && m.pending(key, to, m.book.rules[to]) == nil && !m.unaskedNow(to) {
		m.expect(what, err, access.ReasonNoApprover)
		return what
	}
	m.expect(what, err, "")
	if a := m.pending(key, to, m.book.rules[to]); a != nil && a.id != r.ID {
		m.t.Errorf("%s: a second identical request", what)
	}
	a := m.known(r.ID, key, to, true)
	if m.unaskedNow(to) {
		m.autoApproved(a)
		m.follow(false)
	}
	return what + " " + string(r.ID[20:])
}

// best is the grant that would let a session in.
func (m *model) best(key, to, rule string) *asked {
	var best *asked
	for _, a := range m.requests {
		switch {
		case a.key != key || a.to != to || a.rule != rule || a.sessions > 0 && a.opened >= a.sessions:
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
	a.opened++
	if a.grant == access.GrantReady {
		length := time.Hour
		if a.half {
			length = 30 * time.Minute
		}
		if a.auto {
			length = 15 * time.Minute
		}
		a.grant, a.begun, a.ends = access.GrantActive, m.now, m.now.Add(length)
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
	if m.out(s.key, s.to) {
		s.v.refused(access.ReasonLocked)
		return
	}
	if g := m.best(s.key, s.to, rule); g != nil {
		m.use(g)
		p := s.v.admitted()
		m.admitted++
		if p.Grant != g.grantID || !p.NotAfter.Equal(g.ends) {
			m.t.Errorf("in under %s until %v, want %s until %v", p.Grant, p.NotAfter, g.grantID, g.ends)
		}
		m.sessions = append(m.sessions, &sitting{s.key, s.to, rule, p, g, s.v.id})
		slices.SortFunc(m.sessions, func(a, b *sitting) int { return strings.Compare(string(a.id), string(b.id)) })
		return
	}
	join := m.pending(s.key, s.to, rule)
	unasked := m.unaskedNow(s.to)
	if join == nil && m.hopeless(s.key, s.to) && !unasked {
		s.v.refused(access.ReasonNoApprover)
		return
	}
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
	if unasked {
		m.autoApproved(s.for_)
		m.settle(s)
		m.follow(false) // whose request it was too
		return
	}
	m.waited++
	m.waiting = append(m.waiting, s)
}

// unaskedNow: nobody has to be asked for to at this moment.
func (m *model) unaskedNow(to string) bool {
	return m.book.auto && to == "root@db1" && m.now.Minute() < 20
}

func (m *model) autoApproved(a *asked) {
	a.auto = true
	m.approved(a)
	m.unasked++
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
			case m.out(s.key, s.to):
				s.v.refused(access.ReasonLocked)
			case !swept:
				s.v.refused(access.ReasonCancelled)
			case !m.book.asks:
				s.v.refused(access.ReasonNoRule)
			default:
				again = append(again, s)
			}
		}
	}
	for len(again) > 0 {
		i := m.firstIn(again)
		s := again[i]
		again = slices.Delete(again, i, i+1)
		m.settle(s)
	}
}

// firstIn chooses who of those at the door is looked at next. Where a grant
// has fewer sessions than wait for it, whoever comes first gets in: nothing
// says who that is.
func (m *model) firstIn(list []*standing) int {
	first := list[0]
	if g := m.best(first.key, first.to, m.book.rules[first.to]); g == nil || g.sessions == 0 || m.out(first.key, first.to) {
		return 0
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for i, s := range list {
			select {
			case <-s.v.done:
				if s.key == first.key && s.to == first.to {
					return i
				}
			default:
			}
		}
	}
	m.t.Fatal("nobody got in")
	return 0
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
	by := pick(m.r, []string{"bob", "bob in Slack", "carol in Slack", "dave", "alice", "erin"})
	who, inSlack := strings.CutSuffix(by, " in Slack")
	v := access.VerdictApprove
	if m.r.IntN(6) == 0 {
		v = access.VerdictDeny
	}
	what := fmt.Sprintf("%s: %s %s", by, v, a.id[20:])
	word := access.Word{Request: a.id, Verdict: v}
	if v == access.VerdictApprove && a.extends == nil && m.r.IntN(4) == 0 {
		word.For = 30 * time.Minute
	}
	var err error
	if inSlack {
		_, err = m.w.DecideSlack(m.t.Context(), "U0"+strings.ToUpper(who), word)
	} else {
		_, err = m.w.Decide(m.t.Context(), m.w.by(who), word)
	}
	i := slices.IndexFunc(a.votes, func(v vote) bool { return v.who == who })
	said := vote{who, false, !inSlack, word.For > 0}
	eligible := func(who string) bool { return m.eligible(who, a.key) }
	switch {
	case m.locked["person:"+who]:
		m.expect(what, err, access.ReasonLocked)
		return what
	case a.state != access.RequestPending:
		m.expect(what, err, access.ReasonDecided)
		return what
	case who == person(a.key), who == "bob" && a.key == "robot":
		m.expect(what, err, access.ReasonSelf)
		return what
	case !eligible(who):
		m.expect(what, err, access.ReasonNotAllowed)
		return what
	case v == access.VerdictDeny && i >= 0 && !a.votes[i].clicked:
		m.expect(what, err, access.ReasonDecided)
		return what
	case v == access.VerdictDeny:
		a.state = access.RequestDenied
		if i >= 0 { // their click
			a.votes = slices.Delete(a.votes, i, i+1)
		}
	case m.book.confirm && inSlack && i >= 0:
		m.expect(what, err, access.ReasonDecided)
		return what
	case m.book.confirm && inSlack:
		said.clicked = true
		a.votes = append(a.votes, said)
	default:
		repeated := i >= 0 && !a.votes[i].clicked && (a.votes[i].key || !m.book.confirm)
		switch {
		case i < 0:
			a.votes = append(a.votes, said)
		case !repeated:
			a.votes[i] = said
			m.confirmed++
		}
		count := 0
		a.half = false
		for _, v := range a.votes {
			if eligible(v.who) && !v.clicked && (v.key || !m.book.confirm) {
				count++
			}
			a.half = a.half || v.shortens && !v.clicked
		}
		switch {
		case a.rule == "vault" && count >= 2, a.rule != "vault" && count >= 1:
			if a.extends != nil {
				m.lengthened(a)
			} else {
				m.approved(a)
			}
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
	if a.rule != "vault" {
		a.sessions = m.book.sessions
	}
	a.grantID = m.w.request(a.id).Grant.ID
}

// human is who answers for a key.
func human(key string) string {
	if key == "robot" {
		return "bob"
	}
	return person(key)
}

// owed is a break-glass access of a human that nobody has reviewed.
func (m *model) owed(human_ string) *asked {
	for _, a := range m.requests {
		if a.glass && !a.reviewed && human(a.key) == human_ {
			return a
		}
	}
	return nil
}

func (m *model) breakGlass(key, to string) string {
	what := fmt.Sprintf("%s breaks the glass of %s", key, to)
	r, err := m.w.Ask(m.t.Context(), m.w.by(key), access.Ask{Target: target(to), Reason: "fire", BreakGlass: true})
	switch {
	case !m.book.asks:
		m.expect(what, err, access.ReasonNoRule)
	case m.out(key, to):
		m.expect(what, err, access.ReasonLocked)
	case m.book.rules[to] == "vault":
		m.expect(what, err, access.ReasonNotAllowed)
	case m.owed(human(key)) != nil:
		m.expect(what, err, access.ReasonReviewOwed)
	default:
		m.expect(what, err, "")
		if a := m.pending(key, to, m.book.rules[to]); a != nil && a.id != r.ID {
			m.t.Errorf("%s: past an identical request", what)
		}
		a := m.known(r.ID, key, to, true)
		a.glass = true
		m.approved(a)
		m.letIn++
		m.follow(false)
	}
	return what
}

func (m *model) review() string {
	var done []*asked
	for _, a := range m.requests {
		if a.glass {
			done = append(done, a)
		}
	}
	if len(done) == 0 {
		return "nothing to review"
	}
	a := done[len(done)-1]
	if owed := m.owed(human(a.key)); owed != nil {
		a = owed
	}
	who := pick(m.r, []string{"alice", "bob", "dave", "erin", "carol"})
	what := fmt.Sprintf("%s reviews %s", who, a.id[20:])
	_, err := m.w.Desk.Review(m.t.Context(), m.w.by(who), a.id, "so it was")
	there := a.rule != "production" && a.rule != "prod" || m.book.rules == nil && a.rule == "prod" || m.book.rules["root@db1"] == a.rule
	switch {
	case who == "carol": // by a key for logging in only
		m.expect(what, err, access.ReasonNotAllowed)
	case m.locked["person:"+who]:
		m.expect(what, err, access.ReasonLocked)
	case a.reviewed:
		m.expect(what, err, access.ReasonDecided)
	case who == human(a.key), who != "erin" && !(there && slices.Contains(m.book.leads, who)):
		m.expect(what, err, access.ReasonNotAllowed)
	default:
		m.expect(what, err, "")
		a.reviewed = true
		m.reviewed++
	}
	return what
}

// eligible: who may approve what a key asks for.
func (m *model) eligible(who, key string) bool {
	return slices.Contains(m.book.leads, who) && !(who == "bob" && key == "robot") && !m.locked["person:"+who]
}

// hopeless: more approvals are needed than there are people.
func (m *model) hopeless(key, to string) bool {
	could := 0
	for _, who := range m.book.leads {
		if m.eligible(who, key) {
			could++
		}
	}
	return could < map[string]int{"prod": 1, "production": 1, "vault": 2}[m.book.rules[to]]
}

// out: the person, or the host, is locked.
func (m *model) out(key, to string) bool {
	return m.locked["person:"+person(key)] || m.locked["host:"+target(to).Host]
}

func (m *model) lock() string {
	what := pick(m.r, []string{"person:alice", "person:robot", "person:bob", "person:dave", "host:db1", "host:vault1"})
	err := m.w.Lock(m.t.Context(), local, subject(m.t, what), "why not")
	if m.locked[what] {
		m.expect("lock "+what, err, access.ReasonDecided)
		return "lock again " + what
	}
	m.expect("lock "+what, err, "")
	m.locked[what] = true
	for _, a := range m.requests {
		if !m.out(a.key, a.to) {
			continue
		}
		if a.state == access.RequestPending {
			a.state = access.RequestCancelled
		}
		if a.grant.Live() {
			a.grant = access.GrantRevoked
		}
	}
	for i := len(m.sessions) - 1; i >= 0; i-- {
		if m.out(m.sessions[i].key, m.sessions[i].to) {
			m.gone(i)
		}
	}
	m.follow(false)
	return "lock " + what
}

func (m *model) unlock() string {
	list := slices.Sorted(maps.Keys(m.locked))
	what := pick(m.r, list)
	m.expect("unlock "+what, m.w.Unlock(m.t.Context(), local, subject(m.t, what), ""), "")
	delete(m.locked, what)
	return "unlock " + what
}

// extend asks for more, by the ID of the grant, of its request, or of an
// earlier extension.
func (m *model) extend(a *asked) string {
	length := time.Duration(1+m.r.IntN(40)) * time.Minute
	what := fmt.Sprintf("extend %s by %v", a.id[20:], length)
	r, err := m.w.Extend(m.t.Context(), m.w.by(a.key), string(a.id), length, "INC-2")
	g := a.held()
	most := 2 * time.Hour
	if g.rule == "vault" {
		most = 4 * time.Hour // as no rule says otherwise
	}
	switch {
	case a.state == access.RequestPending:
		m.expect(what, err, access.ReasonNotFound)
	case a.state != access.RequestApproved || g.grant != access.GrantActive:
		m.expect(what, err, access.ReasonDecided)
	case g.ends.Add(length).Sub(g.begun) > most:
		m.expect(what, err, access.ReasonLimit)
	default:
		if m.moreOf(g) == nil && m.hopeless(g.key, g.to) {
			m.expect(what, err, access.ReasonNoApprover)
			return what
		}
		m.expect(what, err, "")
		if old := m.moreOf(g); old != nil {
			if old.id != r.ID {
				m.t.Errorf("%s: a second extension", what)
			}
			return what
		}
		until := m.now.Add(30 * time.Minute)
		if g.ends.Before(until) {
			until = g.ends
		}
		m.requests = append(m.requests, &asked{id: r.ID, key: g.key, to: g.to, rule: g.rule, ahead: true,
			state: access.RequestPending, until: until, extends: g, length: length})
	}
	return what
}

// held is whose grant an approval gave, or lengthened.
func (a *asked) held() *asked {
	if a.extends != nil {
		return a.extends
	}
	return a
}

// moreOf is the pending extension of a grant.
func (m *model) moreOf(g *asked) *asked {
	i := slices.IndexFunc(m.requests, func(a *asked) bool { return a.extends == g && a.state == access.RequestPending })
	if i < 0 {
		return nil
	}
	return m.requests[i]
}

func (m *model) lengthened(a *asked) {
	a.state = access.RequestApproved
	a.extends.ends = a.extends.ends.Add(a.length)
	m.extended++
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
	case a.state != access.RequestApproved || !a.held().grant.Live():
		m.expect(what, err, access.ReasonDecided)
	default:
		m.expect(what, err, "")
		m.over(a.held(), next)
	}
	return what
}

// over ends a grant; its sessions go on under another, or end.
func (m *model) over(a *asked, next access.GrantState) {
	a.grant = next
	if more := m.moreOf(a); more != nil {
		more.state = access.RequestCancelled
	}
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

// clicked counts the clicks of a request that wait for a key.
func clicked(a *asked) (n int) {
	for _, v := range a.votes {
		if v.clicked {
			n++
		}
	}
	return n
}

// compare checks that desk and model agree.
func (m *model) compare() {
	m.t.Helper()
	for _, a := range m.requests[max(0, len(m.requests)-12):] {
		r := m.w.request(a.id)
		var grant, want access.GrantState
		if a.state == access.RequestApproved {
			want = a.held().grant
		}
		if r.Grant != nil {
			grant = r.Grant.State
			if want == access.GrantActive && !r.Grant.NotAfter.Equal(a.held().ends) {
				m.t.Errorf("grant of %s ends at %v, want %v", a.id[20:], r.Grant.NotAfter, a.held().ends)
			}
		}
		if r.BreakGlass != a.glass || (r.Auto != "") != a.auto || r.Owed() != (a.glass && !a.reviewed) || len(r.UnconfirmedBy()) != clicked(a) {
			m.t.Errorf("%s: %+v, want %+v", a.id[20:], r, *a)
		}
		if r.State == access.RequestApproved && a.extends == nil && r.Grant.Opened != a.opened {
			m.t.Errorf("%s: %d sessions opened, want %d", a.id[20:], r.Grant.Opened, a.opened)
		}
		if r.State != a.state || grant != want {
			m.t.Errorf("%s of %s is %s %s, want %s %s", a.id[20:], a.key, r.State, grant, a.state, want)
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
