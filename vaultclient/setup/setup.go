// Package setup owns what Vault must look like for a configuration of the
// bastion: one role per login that can sign nothing wider than what is asked
// for, a policy that pins each parameter, and what its audit log must show in
// clear. It prints that as `vault` commands, as a policy file or as Terraform,
// says how a role that it is shown differs, and holds Vault's audit log against
// the certificates that the bastion remembers ([Reconcile]).
//
// It refuses to talk to Vault: vaultclient does, when `vault doctor` examines a
// live server. It applies nothing: whoever may set Vault up does that.
//
// Start reading at [New], then [Role.Fields] and [Plan.Policy].
package setup

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

// PolicyName is what the policy of the bastion's token is called.
const PolicyName = "sallyport"

// Use is something the bastion signs for: a login on a host, with exactly the
// extensions of a rule.
type Use struct {
	Host       access.Host
	Login      string
	Extensions []string
}

// Wanted is what the loaded configuration wants of Vault.
type Wanted struct {
	Mount     string
	Namespace string
	Role      func(h access.Host, login string) (string, error) // the template of ca.vault.role
	TTL       time.Duration                                     // of a certificate, whole seconds
	Sources   []netip.Prefix                                    // pinned in each certificate; none: anywhere
	Auth      Auth
	Uses      []Use
}

// Auth is how the bastion logs in, as far as Vault's side of it goes.
type Auth struct {
	Method  string // token | approle | kubernetes | jwt | cert
	Mount   string // of the auth method
	Role    string // of the method; empty: sallyport
	Wrapped bool   // approle: the secret ID is response-wrapped
}

// Plan is how Vault must be set up. Its roles are in order of name.
type Plan struct {
	Mount     string
	Namespace string
	Roles     []Role
	Sources   string // the value of source-address; empty: none
	Auth      Auth
}

// Role is a role of the SSH engine: for one login.
type Role struct {
	Name       string
	Login      string
	TTL        time.Duration // also the longest
	Pinned     bool          // certificates carry a source-address
	Extensions [][]string    // each set that is asked for, sorted
}

// New plans for w. An error tells everything that no safe set-up can give,
// such as one role for several logins.
func New(w Wanted) (Plan, error) {
	roles := map[string]*Role{}
	var faults []error
	for _, u := range w.Uses {
		name, err := w.Role(u.Host, u.Login)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		r := roles[name]
		if r == nil {
			r = &Role{Name: name, Login: u.Login, TTL: w.TTL, Pinned: len(w.Sources) > 0}
			roles[name] = r
		}
		if r.Login != u.Login {
			// An ACL that lists two logins singly lets "one,other" through.
			faults = append(faults, fmt.Errorf("the role %s would sign for %s and for %s: put {login} into ca.vault.role", name, r.Login, u.Login))
			continue
		}
		r.add(u.Extensions)
	}
	if len(roles) == 0 && len(faults) == 0 {
		faults = append(faults, errors.New("no rule of the access file lets anybody in: there is nothing to sign"))
	}
	if len(faults) > 0 {
		return Plan{}, errors.Join(faults...)
	}
	p := Plan{Mount: w.Mount, Namespace: w.Namespace, Auth: w.Auth, Sources: sourceValue(w.Sources)}
	for _, name := range slices.Sorted(maps.Keys(roles)) {
		p.Roles = append(p.Roles, *roles[name])
	}
	if p.Auth.Role == "" {
		p.Auth.Role = PolicyName
	}
	return p, nil
}

// add takes a set of extensions into the role, once, in order of the sets.
func (r *Role) add(extensions []string) {
	set := slices.Sorted(slices.Values(extensions))
	if i, found := slices.BinarySearchFunc(r.Extensions, set, slices.Compare); !found {
		r.Extensions = slices.Insert(r.Extensions, i, set)
	}
}

// Union is every extension that some set has, sorted.
func (r Role) Union() []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(r.Extensions...))))
}

// Fields are those of the role in Vault's API ("SSH secrets engine: create
// role"). Writing a role replaces all of it, so all is named that matters:
//
//   - default_critical_options are no floor (a request replaces them), and an
//     empty allowed_critical_options means any;
//   - an empty map of extensions in a request gives default_extensions, which
//     must be empty therefore;
//   - without max_ttl a certificate lives for 768 hours;
//   - a template of users, or a default user, would sign for who was not asked.
func (r Role) Fields() map[string]any {
	options := "source-address"
	if !r.Pinned {
		options = "" // nothing is asked for; the policy allows none
	}
	return map[string]any{
		"key_type":                 "ca",
		"algorithm_signer":         "default",
		"allow_user_certificates":  true,
		"allow_host_certificates":  false,
		"allow_bare_domains":       false,
		"allow_subdomains":         false,
		"allow_user_key_ids":       true,
		"allowed_users":            r.Login,
		"allowed_users_template":   false,
		"default_user":             "",
		"default_user_template":    false,
		"allowed_critical_options": options,
		"default_critical_options": map[string]any{},
		"allowed_extensions":       strings.Join(r.Union(), ","),
		"default_extensions":       map[string]any{},
		"ttl":                      seconds(r.TTL),
		"max_ttl":                  seconds(r.TTL),
		"not_before_duration":      "30s", // for clocks that differ
	}
}

// AuditRequestKeys and AuditResponseKeys are what Vault's audit log must show
// in clear for an investigation, and for [Reconcile]; none is a secret.
var (
	AuditRequestKeys  = []string{"cert_type", "critical_options", "extensions", "key_id", "ttl", "valid_principals"}
	AuditResponseKeys = []string{"serial_number"}
)

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int64(d.Seconds())) }

func sourceValue(sources []netip.Prefix) string {
	words := make([]string, len(sources))
	for i, p := range sources {
		words[i] = p.String()
	}
	return strings.Join(words, ",")
}
