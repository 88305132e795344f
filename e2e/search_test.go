package e2e

import (
	"fmt"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdFound searches, from the socket, until the hits have REGEXP: recordings
// are read in the background.
func cmdFound(ts *testscript.TestScript, _ bool, args []string) {
	w := townOf(ts)
	if len(args) < 2 {
		ts.Fatalf("usage: found REGEXP SEARCH…")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	await(ts, fmt.Sprintf("search %v finds %q", args[1:], args[0]), func() (bool, error) {
		out, err := w.sallyport(append([]string{"search"}, args[1:]...)...).CombinedOutput()
		if err != nil {
			return false, fmt.Errorf("%w: %s", err, out)
		}
		return pattern.Match(out), nil
	})
}
