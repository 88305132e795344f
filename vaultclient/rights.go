package vaultclient

import (
	"context"
	"slices"
	"strings"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/vaultclient/setup"
)

// rights asks Vault what the token may do on paths of interest.
func (e *examination) rights(ctx context.Context) {
	want := map[string][]string{"auth/token/renew-self": {"update"}}
	for _, r := range e.Plan.Roles {
		want[e.Plan.Mount+"/sign/"+r.Name] = []string{"update"}
		want[e.Plan.Mount+"/issue/"+r.Name] = nil
		want[e.Plan.Mount+"/roles/"+r.Name] = nil
	}
	for _, path := range []string{"/sign/" + elsewhere, "/config/ca", "/config/zeroaddress"} {
		want[e.Plan.Mount+path] = nil
	}
	for _, path := range []string{"sys/policies/acl/" + setup.PolicyName, "sys/audit/sallyport", "sys/mounts/" + e.Plan.Mount, "auth/token/create"} {
		want[path] = nil
	}
	paths := make([]string, 0, len(want))
	for path := range want {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	ctx, cancel := e.call(ctx)
	defer cancel()
	answer, err := e.api.Logical().WriteWithContext(ctx, "sys/capabilities-self", map[string]any{"paths": paths})
	if err != nil || answer == nil {
		e.say(FindingUnseen, "rights", "the token may not ask for its capabilities", "Allow sys/capabilities-self (update)")
		return
	}
	for _, path := range paths {
		e.right(path, capabilities(answer.Data[path]), want[path])
	}
}

func (e *examination) right(path string, got, want []string) {
	point := "right on " + path
	switch {
	case slices.Equal(got, want):
		e.fine(point, "%s", orNone(got))
	case len(want) > 0 && !slices.Contains(got, want[0]) && !slices.Contains(got, "root"):
		e.say(FindingWrong, point, orNone(got), "Allow "+want[0]+" in the policy")
	default:
		e.say(FindingWrong, point, orNone(got), "Leave no more than "+orNone(want)+": what the bastion does not need, a thief of its token could use")
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// capabilities reads a list of an answer; "deny" is none.
func capabilities(field any) []string {
	list, ok := field.([]any)
	if !ok {
		return nil
	}
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok && s != "deny" {
			out = append(out, access.Plain(s, 40))
		}
	}
	slices.Sort(out)
	return out
}
