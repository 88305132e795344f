package vaultclient

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/sallyport/sallyport/vaultclient/setup"
)

// settings looks at what only an operator may see.
func (e *examination) settings(ctx context.Context) error {
	if e.Operator == nil {
		e.say(FindingUnseen, "roles, mount and audit devices, field by field", "no token of an operator was given",
			"--operator-token-file FILE or env:VAULT_TOKEN, of somebody who may read them")
		return nil
	}
	token, err := e.Operator()
	if err != nil {
		return err
	}
	operator, err := e.client.newAPI()
	if err != nil {
		return err
	}
	operator.SetToken(token)
	for _, r := range e.Plan.Roles {
		e.fields(ctx, operator, r)
	}
	e.auditing(ctx, operator)
	return nil
}

func (e *examination) read(ctx context.Context, c *api.Client, path string) (map[string]any, error) {
	ctx, cancel := e.call(ctx)
	defer cancel()
	secret, err := c.Logical().ReadWithContext(ctx, path)
	switch {
	case err != nil:
		return nil, faultOf(ctx, err)
	case secret == nil:
		return nil, fmt.Errorf("%s: there is nothing", path)
	}
	return secret.Data, nil
}

func (e *examination) fields(ctx context.Context, operator *api.Client, r setup.Role) {
	point := "role " + r.Name
	found, err := e.read(ctx, operator, e.Plan.Mount+"/roles/"+r.Name)
	if err != nil {
		e.unseen(point+": fields", err)
		return
	}
	differences := r.Differences(found)
	for _, d := range differences {
		why := ""
		if d.Why != "" {
			why = ": " + d.Why
		}
		e.say(FindingWrong, point+": "+d.Field, d.Found, "Set it to "+d.Want+why)
	}
	if len(differences) == 0 {
		e.fine(point+": fields", "as `sallyport vault policy` prints them")
	}
}

// auditing looks whether Vault keeps an audit log, and what it shows in clear.
func (e *examination) auditing(ctx context.Context, operator *api.Client) {
	devices, err := e.read(ctx, operator, "sys/audit")
	switch {
	case err != nil:
		e.unseen("audit devices", err)
	case len(devices) == 0:
		e.say(FindingWrong, "audit devices", "none", "vault audit enable file file_path=…: without one nobody can say what was signed")
	default:
		e.fine("audit devices", "%d", len(devices))
	}
	tune, err := e.read(ctx, operator, "sys/mounts/"+e.Plan.Mount+"/tune")
	if err != nil {
		e.unseen("audit log in clear", err)
		return
	}
	var missing []string
	for field, want := range map[string][]string{
		"audit_non_hmac_request_keys": setup.AuditRequestKeys, "audit_non_hmac_response_keys": setup.AuditResponseKeys,
	} {
		got := capabilities(tune[field])
		for _, k := range want {
			if !slices.Contains(got, k) {
				missing = append(missing, k)
			}
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		e.say(FindingAdvice, "audit log in clear", strings.Join(missing, ", ")+": hidden", "vault secrets tune, as `sallyport vault policy` prints it: else an entry does not lead to a session")
	} else {
		e.fine("audit log in clear", "key ID, principals, options and serial")
	}
}
