package strictyaml

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var durationForm = regexp.MustCompile(`^([0-9]{1,9})(s|m|h|d)$`)

// maxDuration bounds durations, so that adding one to a time never overflows.
const maxDuration = 100 * 365 * 24 * time.Hour

// ParseDuration reads 90s, 30m, 4h or 365d: one number and one unit.
func ParseDuration(s string) (time.Duration, error) {
	m := durationForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%s is not a duration such as 90s, 30m, 4h or 365d", Quote(s))
	}
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n > int64(maxDuration/unit) {
		return 0, fmt.Errorf("%s is longer than 100 years", Quote(s))
	}
	return time.Duration(n) * unit, nil
}

// Size is a number of bytes.
type Size int64

var sizeForm = regexp.MustCompile(`^([0-9]{1,15})(B|KiB|MiB|GiB|TiB)$`)

// UnmarshalText reads 512B, 64KiB, 16MiB, 1GiB or 2TiB.
func (n *Size) UnmarshalText(text []byte) error {
	m := sizeForm.FindStringSubmatch(string(text))
	if m == nil {
		return fmt.Errorf("%s is not a size such as 64KiB, 16MiB or 1GiB", Quote(string(text)))
	}
	shift := map[string]uint{"B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}[m[2]]
	v, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || v > math.MaxInt64>>shift {
		return fmt.Errorf("%s is too large", Quote(string(text)))
	}
	*n = Size(v << shift)
	return nil
}

// Short cuts s to what a fault should show of it.
func Short(s string) string {
	r := []rune(s)
	if len(r) <= 60 {
		return s
	}
	return string(r[:59]) + "…"
}

// Quote quotes a value of the file for a fault: cut, and with everything
// unprintable escaped.
func Quote(s string) string { return strconv.Quote(strings.ToValidUTF8(Short(s), "?")) }

// FormatDuration prints a duration of whole seconds as a file would give it,
// in the largest unit that is exact.
func FormatDuration(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d != 0 && d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}
