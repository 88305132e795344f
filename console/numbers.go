package console

import (
	"fmt"
	"strconv"
	"strings"
)

// numbers are short names for IDs, as long as a shell lasts: a list shows them
// in place of the IDs, and commands take them. An ID keeps the number that it
// was first shown with, and no other ever gets that: a number read in a list
// that is old by now still names what stood beside it.
type numbers struct {
	of  map[string]int
	ids []string // ids[0] is number 1
}

// maxNumbers bounds what a shell remembers; IDs beyond it are shown as such.
const maxNumbers = 100_000

// name gives the number of id, a new one if it has none yet.
func (n *numbers) name(id string) string {
	known, ok := n.of[id]
	if !ok {
		if len(n.ids) == maxNumbers {
			return id
		}
		if n.of == nil {
			n.of = map[string]int{}
		}
		n.ids = append(n.ids, id)
		known = len(n.ids)
		n.of[id] = known
	}
	return strconv.Itoa(known)
}

// id gives what was shown as a number. Nothing but a number is looked up: an ID
// has 26 characters.
func (n *numbers) id(typed string) (string, error) {
	i, err := strconv.Atoi(typed)
	if err != nil || len(typed) > 6 {
		return typed, nil
	}
	if i < 1 || i > len(n.ids) {
		return "", &usageError{text: fmt.Sprintf("nothing was listed here with the number %d", i)}
	}
	return n.ids[i-1], nil
}

// spell replaces numbers among the arguments of a command by what they stand
// for.
func (n *numbers) spell(sp spec, args []string) ([]string, error) {
	out := make([]string, len(args))
	for i, typed := range args {
		out[i] = typed
		if i < len(sp.args) && strings.Contains(sp.args[i], "ID") {
			var err error
			if out[i], err = n.id(typed); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
