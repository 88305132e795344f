package console

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

// span is a duration as the configuration files write it, as a flag.
type span struct{ time.Duration }

func (s *span) Set(text string) error {
	d, err := strictyaml.ParseDuration(text)
	if err != nil {
		return err
	}
	if d == 0 {
		return errors.New("it is no time at all")
	}
	s.Duration = d
	return nil
}

func (s *span) String() string {
	if s.Duration == 0 {
		return ""
	}
	return fmt.Sprintf("%ds", s.Duration/time.Second)
}

func (s *span) Type() string { return "TIME" }

// since reads the moment of --since.
func since(text string, now time.Time) (time.Time, error) { return moment("--since", text, now) }

// moment reads a moment in the past: a duration before now (7d), a day
// (2026-11-22, UTC) or an RFC 3339 time.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := strictyaml.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misfit(flag, text, "a time such as 7d, 2026-11-22 or 2026-11-22T08:00:00Z")
}

// oneOf reads an enum of a flag strictly; empty is none of them.
func oneOf[T ~string](flag, text string, known ...T) (T, error) {
	if text == "" {
		return "", nil
	}
	names := make([]string, len(known))
	for i, k := range known {
		if text == string(k) {
			return k, nil
		}
		names[i] = string(k)
	}
	return "", misfit(flag, text, "one of "+strings.Join(names, ", "))
}

// misfit is a usage error about a value. The command that was run adds its
// synopsis.
func misfit(what, text, want string) error {
	return &usageError{text: fmt.Sprintf("%s: %q is not %s", what, access.Plain(text, 60), want)}
}

// idOf takes an ID as it was typed. Where something is decided an ID matches
// exactly: no prefix, no other case.
func idOf[T ~string](of, text string) (T, error) {
	if !access.ValidID(text) {
		return "", &usageError{text: fmt.Sprintf("%q is not the ID of a %s: 26 letters and digits, upper case", access.Plain(text, 40), of)}
	}
	return T(text), nil
}

// clock is a moment as people read it, in UTC.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// hostName is the inventory's name of a host that somebody typed; one that the
// inventory does not know, or no longer, stays as it is.
func (c *call) hostName(typed string) string {
	typed = strings.ToLower(typed)
	if c.policy == nil { // a copied folder has none
		return typed
	}
	if h, ok := c.policy.Host(typed); ok {
		return h.Name
	}
	return typed
}

// onlyMine narrows a list to the caller, unless they see everybody's; then to
// whom they typed, if anybody.
func (c *call) onlyMine(typed string) access.PersonName {
	if !c.seesAll() {
		return c.person.Name
	}
	return access.PersonName(strings.ToLower(typed))
}

// count is how many of something, as a flag; 0 for no limit.
type count int

func (n *count) Set(text string) error {
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 || v > 1e6 {
		return errors.New("it is no number from 1 to 1000000")
	}
	*n = count(v)
	return nil
}

func (n *count) String() string {
	if *n == 0 {
		return ""
	}
	return strconv.Itoa(int(*n))
}

func (n *count) Type() string { return "N" }
