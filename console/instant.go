package console

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport/sallyport/recorder"
)

// instant is a moment of a recording, as a flag: 12m30s, 12:30, 1:02:03, 750 (in
// seconds) or 40%.
type instant struct {
	text    string // as typed; empty for none
	at      time.Duration
	percent float64 // of the length, instead of at; negative for none
}

func (i *instant) Set(text string) error {
	wrong := errors.New("it is no moment such as 12m30s, 12:30, 750 or 40%")
	*i = instant{text: text, percent: -1}
	if number, ok := strings.CutSuffix(text, "%"); ok {
		var err error
		if i.percent, err = strconv.ParseFloat(number, 64); err != nil || !(i.percent >= 0 && i.percent <= 100) {
			return wrong
		}
		return nil
	}
	seconds := 0.0
	for n, part := range strings.Split(text, ":") {
		v, err := strconv.ParseFloat(part, 64)
		if err != nil || !(v >= 0) || n > 2 || n > 0 && v >= 60 {
			seconds = -1
			break
		}
		seconds = seconds*60 + v
	}
	if seconds >= 0 && seconds < math.MaxInt64/1e9 {
		i.at = time.Duration(seconds * float64(time.Second))
		return nil
	}
	at, err := time.ParseDuration(text)
	if err != nil || at < 0 {
		return wrong
	}
	i.at = at
	return nil
}

func (i *instant) String() string { return i.text }
func (i *instant) Type() string   { return "MOMENT" }

// of is the moment in a recording of a length.
func (i *instant) of(length time.Duration) time.Duration {
	if i.percent >= 0 {
		return time.Duration(float64(length) * i.percent / 100)
	}
	return i.at
}

// stretch is a part of a recording.
type stretch struct{ from, until time.Duration }

// whole is all of one, whatever its length.
var whole = stretch{until: math.MaxInt64}

// part finds what --at and --until mean in a recording.
func part(r *recorder.Reader, at, until instant) (stretch, error) {
	p := whole
	if at.text == "" && until.text == "" {
		return p, nil
	}
	length, err := r.Duration()
	if err != nil {
		return p, err
	}
	if at.text != "" {
		p.from = at.of(length)
	}
	if until.text != "" {
		p.until = until.of(length)
	}
	switch {
	case p.from > length:
		return p, &usageError{text: fmt.Sprintf("--at: the recording ends at %s", offset(length))}
	case p.from > p.until:
		return p, &usageError{text: "--until is before --at"}
	}
	return p, nil
}
