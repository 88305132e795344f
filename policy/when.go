package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/sallyport/sallyport/access"
)

// A condition is an expression in CEL (https://cel.dev), compiled when the file
// is read. Its names are declared one by one, dots included, so that a
// misspelt one is a fault of the file and not a rule that never applies.
//
// Bounds: what is long or costly to evaluate is an error, and an error never
// lets anybody in (see [Condition]).
const (
	maxExpression = 2000   // characters
	maxCost       = 50_000 // CEL's own measure: about one per operation
)

// Condition is a rule's `when`. It is safe for concurrent use.
type Condition struct {
	Text    string
	program cel.Program
}

// Holds reports whether the condition is true of q. What q does not tell, such
// as the address of somebody who asks in Slack, is an error where the
// expression needs it, and so is what goes beyond the bounds.
func (c *Condition) Holds(q Question) (bool, error) {
	out, _, err := c.program.Eval(facts(q))
	if err != nil {
		return false, err
	}
	holds, ok := out.Value().(bool)
	if !ok {
		return false, errors.New("gives no true or false")
	}
	return holds, nil
}

// facts are what an expression may name.
func facts(q Question) map[string]any {
	f := map[string]any{
		"person.name":   string(q.Person.Name),
		"person.groups": q.Person.Groups,
		"person.email":  q.Person.Email,
		"host.name":     q.Host.Name,
		"host.labels":   q.Host.Labels,
		"login":         q.Login,
	}
	if f["host.labels"] = q.Host.Labels; q.Host.Labels == nil {
		f["host.labels"] = map[string]string{}
	}
	if q.Person.Groups == nil {
		f["person.groups"] = []string{}
	}
	if !q.Now.IsZero() {
		f["now"] = q.Now.UTC()
	}
	if a := q.Identity.Address(); a != "" {
		f["source"] = a
	}
	if q.Identity.KeyType != "" {
		f["key.kind"] = keyKind(q.Identity.KeyType)
		f["key.certificate"] = q.Identity.Certificate != nil
	}
	return f
}

// keyKind names a type of key as ssh-keygen -t does.
func keyKind(wire string) string {
	kind := strings.TrimSuffix(wire, "@openssh.com")
	switch {
	case strings.HasPrefix(kind, "sk-ecdsa-"):
		return "sk-ecdsa"
	case strings.HasPrefix(kind, "ecdsa-"):
		return "ecdsa"
	}
	return strings.Replace(kind, "ssh-", "", 1)
}

// language is made once: it is the same for every expression.
var language = sync.OnceValues(func() (*cel.Env, error) {
	text := cel.StringType
	return cel.NewEnv(
		cel.Variable("person.name", text),
		cel.Variable("person.groups", cel.ListType(text)),
		cel.Variable("person.email", text),
		cel.Variable("host.name", text),
		cel.Variable("host.labels", cel.MapType(text, text)),
		cel.Variable("login", text),
		cel.Variable("now", cel.TimestampType),
		cel.Variable("source", text),
		cel.Variable("key.kind", text),
		cel.Variable("key.certificate", cel.BoolType),
		cel.Function("inNet", cel.Overload("in_net", []*cel.Type{text, text}, cel.BoolType, cel.BinaryBinding(inNet))),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(50),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(),
			cel.ValidateComprehensionNestingLimit(2)),
	)
})

// inNet reports whether an address is in a network: inNet(source, "10.0.0.0/8").
func inNet(address, network ref.Val) ref.Val {
	a, errA := netip.ParseAddr(fmt.Sprint(address.Value()))
	n, errN := netip.ParsePrefix(fmt.Sprint(network.Value()))
	if err := errors.Join(errA, errN); err != nil {
		return types.NewErr("inNet: %v", err)
	}
	return types.Bool(n.Contains(a.Unmap()))
}

// compile reads an expression. The error says at which character what is
// wrong.
func compile(text string) (*Condition, error) {
	env, err := language()
	if err != nil {
		return nil, err
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, fmt.Errorf("at character %d: %s", first.Location.Column()+1, access.Plain(first.Message, 300))
	}
	if checked.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("is %s, and must be true or false", checked.OutputType())
	}
	if err := checkLiterals(checked.NativeRep()); err != nil {
		return nil, err
	}
	program, err := env.Program(checked, cel.CostLimit(maxCost))
	if err != nil {
		return nil, err
	}
	return &Condition{Text: text, program: program}, nil
}

// clockCalls are the functions of a timestamp that take a time zone.
var clockCalls = regexp.MustCompile(`^get(FullYear|Month|Date|DayOfMonth|DayOfWeek|DayOfYear|Hours|Minutes|Seconds|Milliseconds)$`)

var offset = regexp.MustCompile(`^[+-]?\d{2}:\d{2}$`)

// checkLiterals finds what is written out and would only fail when it is
// evaluated, at night: time zones and networks that do not exist.
func checkLiterals(tree *ast.AST) error {
	var fault error
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || fault != nil {
			return
		}
		call := e.AsCall()
		args := call.Args()
		if len(args) == 0 || args[len(args)-1].Kind() != ast.LiteralKind {
			return
		}
		last := args[len(args)-1]
		word, ok := last.AsLiteral().Value().(string)
		if !ok {
			return
		}
		var err error
		switch {
		case clockCalls.MatchString(call.FunctionName()) && !offset.MatchString(word):
			_, err = time.LoadLocation(word)
		case call.FunctionName() == "inNet":
			_, err = netip.ParsePrefix(word)
		}
		if err != nil {
			fault = fmt.Errorf("at character %d: %s", tree.SourceInfo().GetStartLocation(last.ID()).Column()+1, access.Plain(err.Error(), 200))
		}
	}))
	return fault
}
