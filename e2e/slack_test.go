package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sallyport/sallyport/internal/slacktest"
)

// configureSlack starts the Slack that the configuration asks for.
func (w *town) configureSlack() error {
	section, _ := w.config["slack"].(map[string]any)
	if section == nil || section["mode"] == "none" || w.slack != nil {
		return nil
	}
	config := slacktest.Config{Commands: []string{"/access"}, AckWithin: patience, TriggerTTL: patience, Channels: []slacktest.Channel{{ID: channel, Name: "access"}}, Users: []slacktest.User{
		{ID: guest, Name: "guest", IsRestricted: true}, {ID: someone, Name: "someone"},
	}}
	for _, p := range w.people {
		if p.slack != "" {
			config.Users = append(config.Users, slacktest.User{ID: p.slack, Name: p.name})
		}
	}
	s, err := slacktest.Start(config)
	if err != nil {
		return err
	}
	w.slack = s
	for name, value := range map[string]string{
		"bot_token": s.BotToken(), "app_token": s.AppToken(), "signing_secret": s.SigningSecret(),
	} {
		path, err := w.secret(name, value)
		if err != nil {
			return err
		}
		section[name+"_file"] = path
	}
	section["channel"], section["api_url"] = channel, s.APIURL()
	return nil
}

// card waits for a message of the bastion's whose blocks show buttons.
func (w *town) card(ts *testscript.TestScript) slacktest.Message { return w.cardWith(ts, "approve") }

func (w *town) cardWith(ts *testscript.TestScript, action string) slacktest.Message {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	card, err := w.slack.WaitMessage(ctx, channel, func(m slacktest.Message) bool {
		_, ok := m.Element(action)
		return ok
	})
	ts.Check(err)
	return card
}

// slackUser is the account of a person, or one of those without a person.
func (w *town) slackUser(ts *testscript.TestScript, name string) string {
	switch p := w.person(name); {
	case p != nil && p.slack != "":
		return p.slack
	case name == "guest":
		return guest
	case name == "someone":
		return someone
	}
	ts.Fatalf("%s is not in Slack", name)
	return ""
}

// click presses a button on the newest card that has one. "again" presses the
// button of a card that has been rewritten since. Deny opens a modal, which is
// sent with what follows as the reason, unless there is none to open.
func (w *town) click(ts *testscript.TestScript, who string, args []string) {
	if len(args) == 2 && args[1] == "again" {
		for _, m := range w.slack.Messages(channel) {
			if len(m.Edits) > 0 {
				w.press(ts, who, m.TS, args[0])
				return
			}
		}
		ts.Fatalf("no card has been rewritten")
	}
	if len(args) == 0 {
		ts.Fatalf("usage: PERSON clicks approve|deny|revoke|release [again|REASON…]")
	}
	if args[0] == "revoke" || args[0] == "release" {
		w.press(ts, who, w.cardWith(ts, args[0]).TS, args[0])
		return
	}
	w.press(ts, who, w.card(ts).TS, args[0])
	if args[0] == "deny" && !w.noModal {
		w.submit(ts, w.slackUser(ts, who), strings.Join(args[1:], " "))
	}
	w.noModal = false
}

// submit sends the modal that asks why.
func (w *town) submit(ts *testscript.TestScript, user, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	v, err := w.slack.WaitView(ctx, user)
	ts.Check(err)
	_, err = w.slack.SubmitView(ctx, user, v.ID, slacktest.ViewValues{"reason": {"reason": reason}})
	ts.Check(err)
	if v, open := w.slack.View(user); open {
		ts.Fatalf("the modal says %v", v.Errors)
	}
}

func (w *town) press(ts *testscript.TestScript, who, at, action string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if slices.Contains([]string{"approve", "deny", "revoke", "release"}, action) {
		_, err := w.slack.Click(ctx, w.slackUser(ts, who), channel, at, action)
		ts.Check(err)
		return
	}
	ts.Fatalf("there is no button %s", action)
}

// cmdSlack is what happens in Slack beside honest clicks of people:
//
//	slack click guest|someone approve
//	slack down|twice        its API answers 500 for two calls; the next click arrives twice
//	slack no-modal          the next modal cannot be opened
//	slack types WHO TEXT…   /access TEXT; stdout is the answer
//	slack dm WHO REGEXP     until the bastion wrote so to somebody directly
//	slack card REGEXP      until a card shows it; stdout is the card's blocks
//	slack never TEXT       nothing that the bastion ever sent there holds it
//	slack told WHO REGEXP  until somebody was told so in private
//	slack forged|stale|tampered|unsigned|replayed WHO approve  crafted posts; stdout is the HTTP status
func cmdSlack(ts *testscript.TestScript, neg bool, args []string) {
	w := townOf(ts)
	if len(args) < 1 || w.slack == nil {
		ts.Fatalf("usage: slack WHAT WHO …, with slack.mode set")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch what := args[0]; what {
	case "down":
		w.slack.Inject(slacktest.Fault{Times: 2, Status: http.StatusInternalServerError})
	case "twice":
		w.slack.InjectDelivery(slacktest.DeliveryFault{Duplicate: true})
	case "no-modal":
		w.slack.Inject(slacktest.Fault{Method: "views.open", Error: "internal_error"})
		w.noModal = true
	case "types":
		user := w.slackUser(ts, args[1])
		before := ""
		if list := w.slack.Messages(channel); len(list) > 0 {
			before = list[len(list)-1].TS
		}
		_, err := w.slack.SlashCommand(ctx, user, channel, "/access", strings.Join(args[2:], " "))
		ts.Check(err)
		m, err := w.slack.WaitMessage(ctx, channel, func(m slacktest.Message) bool {
			return m.EphemeralTo == user && m.TS > before && !strings.HasPrefix(m.Text, "Working on it")
		})
		w.check(ts, err)
		fmt.Fprintln(ts.Stdout(), m.Shown())
	case "dm":
		pattern := compile(ts, args[2])
		m, err := w.slack.WaitMessage(ctx, w.slackUser(ts, args[1]), func(m slacktest.Message) bool { return pattern.MatchString(m.Shown()) })
		w.check(ts, err)
		fmt.Fprintln(ts.Stdout(), m.Shown())
	case "click":
		w.click(ts, args[1], args[2:])
	case "card":
		pattern := compile(ts, args[1])
		shows := func(m slacktest.Message) bool { return m.EphemeralTo == "" && pattern.MatchString(m.Shown()) }
		if neg {
			for _, m := range w.slack.Messages(channel) {
				if shows(m) {
					ts.Fatalf("a card shows %q:\n%s", args[1], m.Shown())
				}
			}
			return
		}
		m, err := w.slack.WaitMessage(ctx, channel, shows)
		w.check(ts, err)
		fmt.Fprintf(ts.Stdout(), "%s\n%s\n", m.Shown(), m.Blocks)
	case "never":
		for _, c := range w.slack.Calls("") {
			if sent := fmt.Sprint(c.Args); strings.Contains(sent, args[1]) {
				ts.Fatalf("%s sent %q: %s", c.Method, args[1], sent)
			}
		}
	case "told":
		user, pattern := w.slackUser(ts, args[1]), compile(ts, args[2])
		m, err := w.slack.WaitMessage(ctx, channel, func(m slacktest.Message) bool {
			return m.EphemeralTo == user && pattern.MatchString(m.Shown())
		})
		w.check(ts, err)
		fmt.Fprintln(ts.Stdout(), m.Shown())
	case "forged", "stale", "tampered", "unsigned", "replayed":
		status, err := w.forge(ctx, ts, what, w.slackUser(ts, args[1]), args[2])
		ts.Check(err)
		fmt.Fprintln(ts.Stdout(), status)
	default:
		ts.Fatalf("slack %s?", what)
	}
}

// forge posts a click that Slack did not send, or not now.
func (w *town) forge(ctx context.Context, ts *testscript.TestScript, how, user, action string) (string, error) {
	payload, err := w.slack.ActionPayload(user, channel, w.card(ts).TS, action, "")
	if err != nil {
		return "", err
	}
	secret, at := w.slack.SigningSecret(), time.Now()
	switch how {
	case "forged":
		secret = strings.Repeat("0", len(secret))
	case "stale":
		at = at.Add(-6 * time.Minute)
	}
	d, err := w.slack.NewDelivery(slacktest.Interactive, payload, secret, at)
	if err != nil {
		return "", err
	}
	switch how {
	case "tampered":
		d.Body = []byte(strings.Replace(string(d.Body), "approve", "deny", 1))
	case "unsigned":
		d.Header = http.Header{"Content-Type": d.Header["Content-Type"]}
	case "replayed": // the first is honest, if early
		if _, err := w.slack.Send(ctx, d); err != nil {
			return "", err
		}
	}
	d, err = w.slack.Send(ctx, d)
	return fmt.Sprint(d.Status), err
}

// check fails with what is in the channel.
func (w *town) check(ts *testscript.TestScript, err error) {
	if err == nil {
		return
	}
	for _, m := range w.slack.Messages(channel) {
		ts.Logf("message, to %q:\n%s", m.EphemeralTo, m.Shown())
	}
	ts.Fatalf("%v", err)
}
