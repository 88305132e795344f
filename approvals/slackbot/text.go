package slackbot

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
)

// What is shown of what others wrote, in characters.
const (
	maxReason  = 500
	maxCommand = 300
	maxName    = 100
	maxRisk    = 160
	maxAnswer  = 1000
	maxTitle   = 150 // Slack's limit for a header
)

// plain is text that Slack reads nothing into: no markup, no mentions, no emoji names.
func plain(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

// Runs of rich text. Whatever is passed becomes text as it is; it has no markup to escape from.
func run(s string) slack.RichTextSectionElement { return slack.NewRichTextSectionTextElement(s, nil) }
func bold(s string) slack.RichTextSectionElement {
	return styled(s, slack.RichTextSectionTextStyle{Bold: true})
}
func code(s string) slack.RichTextSectionElement {
	return styled(s, slack.RichTextSectionTextStyle{Code: true})
}

func styled(s string, style slack.RichTextSectionTextStyle) slack.RichTextSectionElement {
	return slack.NewRichTextSectionTextElement(s, &style)
}

// moment shows a time in the reader's own zone.
func moment(t time.Time) slack.RichTextSectionElement {
	utc := t.UTC().Format("2006-01-02 15:04 UTC")
	return slack.NewRichTextSectionDateElement(t.Unix(), "{date_short_pretty} at {time}", nil, &utc)
}

// slackID is the form of a Slack user ID. Only such a string becomes a mention.
var slackID = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)

// mention is a person, called by their Slack account where they have one.
func mention(p access.Person) slack.RichTextSectionElement {
	if slackID.MatchString(p.Slack) {
		return slack.NewRichTextSectionUserElement(p.Slack, nil)
	}
	return run(access.Plain(string(p.Name), maxName))
}

// span writes a duration as the configuration does: 90s, 30m, 1h30m.
func span(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// sentence begins with a capital and ends with a stop.
func sentence(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(s[n:], ".") + "."
}

// names joins people for a sentence: bob, bob and eve, bob, eve and mallory.
func names(people []access.PersonName) string {
	words := make([]string, len(people))
	for i, p := range people {
		words[i] = access.Plain(string(p), maxName)
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// escape is for places where Slack reads markup whatever one asks for.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
