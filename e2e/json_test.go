package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdJSON compares a value within a JSON document, "-" for the last command's
// output. VALUE is the value as text, /REGEXP/, or "any" for what is neither
// null nor missing.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var doc any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &doc); err != nil {
		ts.Fatalf("%s is no JSON: %v", args[0], err)
	}
	got, err := within(doc, args[1])
	ts.Check(err)
	want := args[2]
	ok := got == want
	if want == "any" {
		ok = got != "null"
	} else if strings.HasPrefix(want, "/") && strings.HasSuffix(want, "/") && len(want) > 1 {
		re, err := regexp.Compile(want[1 : len(want)-1])
		ts.Check(err)
		ok = re.MatchString(got)
	}
	if ok == neg {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

// within finds the value at a path such as 0.decisions.0.person; # is a length.
func within(doc any, path string) (string, error) {
	for step := range strings.SplitSeq(path, ".") {
		switch at := doc.(type) {
		case []any:
			if step == "#" {
				return strconv.Itoa(len(at)), nil
			}
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(at) {
				return "", fmt.Errorf("no %s in an array of %d", step, len(at))
			}
			doc = at[i]
		case map[string]any:
			value, ok := at[step]
			if !ok {
				return "", fmt.Errorf("there is no %s", step)
			}
			doc = value
		default:
			return "", fmt.Errorf("%v has no %s", at, step)
		}
	}
	if s, ok := doc.(string); ok {
		return s, nil
	}
	text, err := json.Marshal(doc)
	return string(text), err
}
