package tui

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

// clock writes an offset as 1:23, 12:34:56.
func clock(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	s := int(d / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// span writes a duration in at most two units: 8s, 3m12s, 2h, 3d4h.
func span(d time.Duration) string {
	s := int(d / time.Second)
	switch {
	case d <= 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d/time.Millisecond)
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return units(s/60, "m", s%60, "s")
	case s < 86400:
		return units(s/3600, "h", s/60%60, "m")
	}
	return units(s/86400, "d", s/3600%24, "h")
}

// coarse is span without seconds beyond the first minutes.
func coarse(d time.Duration) string {
	if d >= 5*time.Minute {
		d = d.Truncate(time.Minute)
	}
	return span(d)
}

func units(n int, unit string, m int, smaller string) string {
	if m == 0 {
		return fmt.Sprintf("%d%s", n, unit)
	}
	if smaller == "h" {
		return fmt.Sprintf("%d%s%d%s", n, unit, m, smaller)
	}
	return fmt.Sprintf("%d%s%02d%s", n, unit, m, smaller)
}

// moment writes a time in UTC, shorter the nearer it is.
func moment(t, now time.Time) string {
	if t.IsZero() {
		return "–"
	}
	t, now = t.UTC(), now.UTC()
	switch {
	case t.Year() == now.Year() && t.YearDay() == now.YearDay():
		return t.Format("15:04:05")
	case t.Year() == now.Year():
		return t.Format("Jan 02 15:04")
	}
	return t.Format("2006-01-02")
}

func bytesText(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1024, "KiB"
	for _, u := range []string{"MiB", "GiB", "TiB"} {
		if v < 1000 {
			break
		}
		v, unit = v/1024, u
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") + " " + unit
}

// counted says how many there are.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// names joins people's names.
func names(people []access.PersonName) string {
	out := make([]string, len(people))
	for i, p := range people {
		out[i] = string(p)
	}
	return strings.Join(out, ", ")
}

// ending says in a word how a session ended.
func ending(s access.Session) string {
	switch {
	case s.State == access.SessionLive:
		return ""
	case s.EndCause == access.EndExit && s.ExitStatus != nil:
		return "exit " + strconv.Itoa(*s.ExitStatus)
	}
	return access.Plain(strings.ReplaceAll(s.EndCause, "_", " "), 24)
}

// age is how long a session took, or has taken.
func age(s access.Session, now time.Time) time.Duration {
	if s.EndedAt.IsZero() {
		return now.Sub(s.StartedAt)
	}
	return s.EndedAt.Sub(s.StartedAt)
}

var errTime = errors.New("times are 90, 1:30, 1:02:03, 12m, 40%")

// parseTime reads an offset within a recording of the length total.
func parseTime(s string, total time.Duration) (time.Duration, error) {
	s = strings.TrimPrefix(strings.TrimSpace(s), ":")
	if p, ok := strings.CutSuffix(s, "%"); ok {
		n, err := strconv.ParseFloat(p, 64)
		if err != nil || !(n >= 0 && n <= 100) {
			return 0, errTime
		}
		return time.Duration(n / 100 * float64(total)), nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return d, nil
	}
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return 0, errTime
	}
	var at time.Duration
	for _, p := range parts {
		n, err := strconv.ParseFloat(p, 64)
		if err != nil || !(n >= 0 && n < 1e6) {
			return 0, errTime
		}
		at = at*60 + time.Duration(n*float64(time.Second))
	}
	return at, nil
}

// parseSpan reads durations with days and weeks: 90s, 30m, 4h, 7d, 2w.
func parseSpan(s string) (time.Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if p, ok := strings.CutSuffix(s, suffix); ok {
			n, err := strconv.ParseFloat(p, 64)
			if err != nil || !(n >= 0 && n < 1e5) {
				return 0, fmt.Errorf("%q is no duration", access.Plain(s, 20))
			}
			return time.Duration(n * float64(unit)), nil
		}
	}
	return time.ParseDuration(s)
}
