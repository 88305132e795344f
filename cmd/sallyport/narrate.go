package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/internal/slacktest"
	"github.com/sallyport/sallyport/store"
)

func (s *scene) openSlack(addr string) (err error) {
	var users []slacktest.User
	for _, p := range demoPeople {
		users = append(users, slacktest.User{ID: p.slack, Name: p.name, RealName: strings.ToUpper(p.name[:1]) + p.name[1:] + ", " + p.does, Email: p.name + "@example.com"})
	}
	s.slack, err = slacktest.Start(slacktest.Config{
		Listen: addr, Users: users, Commands: []string{"/access"},
		Scopes:   []string{"chat:write", "users:read", "commands", "im:write", "im:history", "channels:history"},
		Channels: []slacktest.Channel{{ID: demoChannel, Name: "prod-access"}},
	})
	if err != nil {
		err = fmt.Errorf("the page that stands in for Slack (--http): %w", err)
	}
	return err
}

// explain prints what to type, and what will happen.
func (s *scene) explain(w io.Writer) {
	f := "-F " + s.path("ssh_config")
	host, port, _ := strings.Cut(s.ssh, ":")
	fmt.Fprintf(w, `
Sallyport demo. Everything is on loopback and in %s

Alice is the engineer, bob approves, carol audits. db1 is production: root there
needs bob's approval. web1 is staging: alice has standing access as deploy.

  1. As alice, in another terminal. It will ask for a reason, then wait:

       ssh %s root@db1@bastion

  2. As bob, approve it in the page that stands in for Slack:

       %s/?as=bob

     or in a terminal, with the ID that alice's line ends in:

       ssh %s bob approve ID

  3. Work on db1 (vim, top, whatever), resize the window, leave with exit.

  4. As carol, find the session, press Enter to replay it, ? for the keys:

       ssh -t %s carol

More to try:
       ssh %s -J bastion deploy@web1          no approval, by ProxyJump
       scp %s FILE root@db1@bastion:          one grant, as many sessions as you like
       ssh -t %s bastion                      alice's console: on a host, Enter connects
       ssh %s bastion help                    the commands
       sallyport --config %s tui --plain      the sessions in lines, for a screen reader
       ssh -i %s -p %s -o UserKnownHostsFile=%s root@db1@%s

Ctrl-C ends the demo. What happens:

`, s.dir, f, s.slack.URL(), f, f, f, f, f, f, s.path("sallyport.yaml"), s.path("alice"), port, s.path("known_hosts"), host)
}

// narrate tells the audit trail as a story, as it grows.
func narrate(ctx context.Context, s *store.Store, w io.Writer) {
	const often = 100 * time.Millisecond
	ticker := time.NewTicker(often)
	defer ticker.Stop()
	var last int64
	for {
		rows, err := s.Audit(ctx, last, 100)
		if err != nil {
			return // the demo is ending
		}
		for _, row := range rows {
			last = row.Seq
			e, err := row.Event()
			if err != nil {
				continue // `audit` shows it
			}
			if text := story(e); text != "" {
				fmt.Fprintf(w, "  %s  %s\n", e.Time.Local().Format("15:04:05"), text)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// story tells one event in plain words; most details are for the audit trail.
func story(e audit.Event) string {
	target := e.Login + "@" + e.Host
	switch e.Kind {
	case audit.RequestCreated:
		return fmt.Sprintf("%s asks for %s (%s): %s", e.Person, target, e.Request, orNone(e.Detail["reason"]))
	case audit.RequestBreakGlass:
		return fmt.Sprintf("%s broke the glass and let themselves in to %s (%s): %s; somebody has to review it", e.Person, target, e.Request, e.Detail["reason"])
	case audit.RequestReviewed:
		return fmt.Sprintf("%s reviewed what %s did on %s: %s", e.Actor, e.Person, target, orNone(e.Detail["note"]))
	case audit.RequestClicked:
		return fmt.Sprintf("%s clicked approve on %s for %s; it counts once their key confirms it", e.Actor, target, e.Person)
	case audit.RequestApproval:
		return fmt.Sprintf("%s approved %s for %s; more must", e.Actor, target, e.Person)
	case audit.RequestEscalated:
		return fmt.Sprintf("nobody has decided %s's request for %s; others are asked too", e.Person, target)
	case audit.RequestApproved:
		return approval(e, target)
	case audit.RequestDenied:
		return fmt.Sprintf("%s denied %s to %s: %s", e.Actor, target, e.Person, orNone(e.Detail["reason"]))
	case audit.RequestCancelled:
		return fmt.Sprintf("%s withdrew the request for %s", e.Person, target)
	case audit.RequestLapsed:
		return fmt.Sprintf("nobody answered %s's request for %s in time", e.Person, target)
	case audit.DecisionRefused:
		return fmt.Sprintf("%s's decision did not count: %s", e.Actor, e.Detail["why"])
	case audit.GrantActivated:
		return fmt.Sprintf("the grant's clock starts; it ends at %s", e.Detail["not_after"])
	case audit.GrantExtended:
		return fmt.Sprintf("%s's grant for %s goes on until %s", e.Person, target, e.Detail["not_after"])
	case audit.LockSet, audit.LockLifted:
		return fmt.Sprintf("%s: %s %s%s", e.Kind, e.Actor, e.Person, e.Host)
	case audit.CertificateIssued:
		return fmt.Sprintf("a certificate for %s on %s, serial %s, good until %s", e.Login, e.Host, e.Detail["serial"], e.Detail["valid_before"])
	case audit.SessionStarted:
		return fmt.Sprintf("%s is on %s; recording %s", e.Person, target, e.Session)
	case audit.SessionEnded:
		return fmt.Sprintf("%s has left %s (%s); the recording is sealed and signed", e.Person, target, e.Detail["cause"])
	case audit.AccessRefused:
		return fmt.Sprintf("%s was refused: %s", e.Person, e.Detail["why"])
	case audit.GrantExpired, audit.GrantRevoked, audit.GrantReleased, audit.GrantLapsed:
		return fmt.Sprintf("%s's grant for %s: %s", e.Person, target, strings.TrimPrefix(string(e.Kind), "grant."))
	default:
		return ""
	}
}

// approval tells by whom a request was approved, or why by nobody.
func approval(e audit.Event, target string) string {
	switch access.Via(e.Detail["via"]) {
	case access.ViaSystem:
		return "" // the break-glass event has told it
	case access.ViaPolicy:
		return fmt.Sprintf("%s needs nobody's word for %s: %s", e.Person, target, e.Detail["reason"])
	case access.ViaSocket:
		return fmt.Sprintf("the admin of the bastion itself (%s) approved %s for %s: %s", e.Actor, target, e.Person, e.Detail["reason"])
	default:
		return fmt.Sprintf("%s approved %s for %s", e.Actor, target, e.Person)
	}
}

func orNone(s string) string {
	if s == "" {
		return "no reason given"
	}
	return s
}
