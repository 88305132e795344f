package slacktest_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/internal/slacktest"
)

func fetch(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func get(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(deadline(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func pageToken(t *testing.T, s *slacktest.Server) string {
	t.Helper()
	_, body := fetch(t, get(t, s.URL()+"/"))
	hit := regexp.MustCompile(`name="page-token" content="([^"]+)"`).FindStringSubmatch(body)
	if hit == nil {
		t.Fatal("no token in the page")
	}
	return hit[1]
}

// TestPageRefusesOtherSites: in the demo a click on the page approves access, so nothing but the
// page itself may click. Each case takes one thing away from a request that works.
func TestPageRefusesOtherSites(t *testing.T) {
	s := start(t, nil)
	events := connect(t, s, nil)
	ts := post(t, client(s), slack.MsgOptionText("f", false), card("R1"))
	token := pageToken(t, s)
	body := `{"user":"` + bob + `","channel":"` + channel + `","ts":"` + ts + `","action":"approve"}`
	click := func(change func(*http.Request)) int {
		t.Helper()
		req, err := http.NewRequestWithContext(deadline(t), http.MethodPost, s.URL()+"/page/click", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", s.URL())
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.Header.Set("X-Page-Token", token)
		req.Header.Set("Content-Type", "application/json")
		if change != nil {
			change(req)
		}
		resp, _ := fetch(t, req)
		return resp.StatusCode
	}
	for name, change := range map[string]func(*http.Request){
		"another origin":   func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"no origin":        func(r *http.Request) { r.Header.Del("Origin") },
		"null origin":      func(r *http.Request) { r.Header.Set("Origin", "null") },
		"cross-site fetch": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"same-site fetch":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"no token":         func(r *http.Request) { r.Header.Del("X-Page-Token") },
		"a wrong token":    func(r *http.Request) { r.Header.Set("X-Page-Token", "guess") },
		"a plain form":     func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"a re-bound name": func(r *http.Request) {
			r.Host = "evil.example"
			r.Header.Set("Origin", "http://evil.example")
		},
	} {
		if status := click(change); status < 400 {
			t.Errorf("%s: status %d", name, status)
		}
	}
	if len(events) != 0 {
		t.Fatal("a click from elsewhere reached the app")
	}
	if status := click(nil); status != http.StatusOK || next(t, events).User.ID != bob {
		t.Errorf("the page's own click: %d", status)
	}
}

func TestPageAnswersToItsOwnNameOnly(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/", "/page/state", "/page/events", "/api/auth.test", "/link"} {
		req := get(t, s.URL()+path)
		req.Host = "evil.example"
		if resp, body := fetch(t, req); resp.StatusCode != http.StatusMisdirectedRequest || strings.Contains(body, "token") {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
	}
}

func TestPageHeaders(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/", "/page/app.js", "/page/render.js", "/page/app.css", "/page/state"} {
		resp, _ := fetch(t, get(t, s.URL()+path))
		csp := resp.Header.Get("Content-Security-Policy")
		if resp.StatusCode != http.StatusOK || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %d %q", path, resp.StatusCode, csp)
		}
	}
}

// TestPageShowsWhatTheUserMaySee: ephemeral messages, direct messages and channels of others stay
// with those they are for.
func TestPageShowsWhatTheUserMaySee(t *testing.T) {
	s := start(t, func(c *slacktest.Config) {
		c.Channels = append(c.Channels, slacktest.Channel{ID: "C0PRIV", Name: "private", Members: []string{alice}})
	})
	api := client(s)
	say := slack.MsgOptionText("x", false)
	if _, err := api.PostEphemeralContext(deadline(t), channel, bob, say); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{alice, "C0PRIV"} {
		if _, _, err := api.PostMessageContext(deadline(t), to, say); err != nil {
			t.Fatal(err)
		}
	}
	for user, want := range map[string]map[string]int{
		alice: {channel: 0, "C0OUT": 0, "C0PRIV": 1, "D" + alice: 1},
		bob:   {channel: 1, "C0OUT": 0},
	} {
		_, body := fetch(t, get(t, s.URL()+"/page/state?user="+user))
		var state struct {
			Channels []struct {
				ID       string
				Messages []any
			}
		}
		if err := json.Unmarshal([]byte(body), &state); err != nil {
			t.Fatal(err)
		}
		if len(state.Channels) != len(want) {
			t.Errorf("%s sees %+v", user, state.Channels)
		}
		for _, c := range state.Channels {
			if len(c.Messages) != want[c.ID] {
				t.Errorf("%s in %s: %d messages", user, c.ID, len(c.Messages))
			}
		}
	}
}

func TestPageIsToldOfChanges(t *testing.T) {
	s := start(t, nil)
	resp, err := http.DefaultClient.Do(get(t, s.URL()+"/page/events"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	event := func() string {
		for lines.Scan() {
			if lines.Text() != "" {
				return lines.Text()
			}
		}
		t.Fatal("the stream ended:", lines.Err())
		return ""
	}
	before := event()
	post(t, client(s), slack.MsgOptionText("news", false))
	if after := event(); after == before {
		t.Error("no event for a new message")
	}
}

// TestPageNeverParsesMarkup keeps the script to text nodes: no sink that would read a message as HTML.
func TestPageNeverParsesMarkup(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/page/app.js", "/page/render.js"} {
		_, body := fetch(t, get(t, s.URL()+path))
		for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser", "new Function"} {
			if strings.Contains(body, sink) {
				t.Errorf("%s uses %s", path, sink)
			}
		}
	}
}
