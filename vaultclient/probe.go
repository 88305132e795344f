package vaultclient

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/vaultclient/setup"
)

// elsewhere is a name that no role, login or host has.
const elsewhere = "sallyport-doctor"

// probe is an order that must be refused, or whose certificate must be
// harmless all the same.
type probe struct {
	name   string
	change func(order map[string]any)
	// harmless judges a certificate that came back; nil: none may come.
	harmless func(*ssh.Certificate) bool
	do       string
	state    FindingState // if it fails; empty: wrong
}

// probes are what a role, or the policy, must stand up to.
func (e *examination) probes(r setup.Role) []probe {
	set := func(key string, value any) func(map[string]any) {
		return func(o map[string]any) { o[key] = value }
	}
	without := func(key string) func(map[string]any) { return func(o map[string]any) { delete(o, key) } }
	const pin = "Pin it in the policy: `sallyport vault policy` prints how"
	list := []probe{
		{name: "another principal", change: set("valid_principals", elsewhere), do: "Set allowed_users to " + r.Login + " alone"},
		{name: "two principals", change: set("valid_principals", r.Login+","+elsewhere), do: "Set allowed_users to " + r.Login + " alone"},
		{name: "no principals", change: without("valid_principals"), do: "Set default_user to nothing, and require valid_principals in the policy (CVE-2024-7594)"},
		{name: "a host certificate", change: set("cert_type", "host"), do: "Set allow_host_certificates=false"},
		{name: "an extension more", change: set("extensions", map[string]string{"permit-user-rc": ""}), do: "Set allowed_extensions, empty means any"},
		{name: "no extensions named", change: without("extensions"), do: "Set default_extensions={}",
			harmless: func(c *ssh.Certificate) bool { return len(c.Extensions) == 0 }},
		{name: "an option of its own", change: func(o map[string]any) {
			o["critical_options"] = map[string]string{"force-command": "true"}
		}, do: "Set allowed_critical_options to source-address, empty means any"},
		{name: "a month", change: set("ttl", "720h"), do: "Set max_ttl",
			harmless: func(c *ssh.Certificate) bool { return endsBy(c, e.client.now().Add(r.TTL+maxSkew)) }},
		{name: "a key ID of somebody else", change: set("key_id", elsewhere), do: pin + "; else the log of a host can be made to name another session", state: FindingAdvice},
	}
	if r.Pinned {
		list = append(list,
			probe{name: "no source address", change: set("critical_options", map[string]string{}), do: pin + "; default_critical_options are no floor"},
			probe{name: "options left out", change: without("critical_options"), do: "Require critical_options in the policy: `sallyport vault policy` prints how"},
			probe{name: "another source address", change: set("critical_options", map[string]string{"source-address": "192.0.2.1/32"}), do: pin},
		)
	}
	return list
}

// endsBy reports whether c is over at a moment.
func endsBy(c *ssh.Certificate, at time.Time) bool {
	return at.Unix() > 0 && c.ValidBefore <= uint64(at.Unix())
}

// role signs what the bastion will ask of r, and what it must not get.
func (e *examination) role(ctx context.Context, r setup.Role) error {
	public, _, err := ed25519.GenerateKey(rand.Reader) // the private half is nobody's
	if err != nil {
		return err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return err
	}
	works := false
	for _, extensions := range r.Extensions {
		if e.wanted(ctx, r, key, extensions) {
			works = true
		}
	}
	if !works {
		return nil // that it refuses what it must says nothing then
	}
	for _, p := range e.probes(r) {
		order := e.order(r, key, r.Extensions[0])
		p.change(order)
		e.unwanted(ctx, r, p, order)
	}
	cert, err := e.ask(ctx, "issue", r, map[string]any{"cert_type": "user", "valid_principals": r.Login, "key_type": "ed25519"})
	point := "role " + r.Name + ": issue"
	switch fault := asFault(err); {
	case cert != nil:
		e.say(FindingWrong, point, "Vault makes private keys for this token", "Do not allow "+e.Plan.Mount+"/issue/ in the policy")
	case fault != nil && fault.State == Denied:
		e.fine(point, "denied")
	default:
		e.say(FindingWrong, point, "not denied: "+errorText(err), "Do not allow "+e.Plan.Mount+"/issue/ in the policy")
	}
	return ctx.Err()
}

// keyID is one that the policy takes.
const doctorKeyID = "sallyport person=doctor session=none grant=none"

func (e *examination) order(r setup.Role, key ssh.PublicKey, extensions []string) map[string]any {
	named := map[string]string{}
	for _, x := range extensions {
		named[x] = ""
	}
	options := map[string]string{}
	if r.Pinned {
		options["source-address"] = e.Plan.Sources
	}
	return map[string]any{
		"public_key": certs.AuthorizedLine(key, ""), "cert_type": "user", "valid_principals": r.Login,
		"key_id": doctorKeyID, "ttl": fmt.Sprintf("%ds", int64(r.TTL.Seconds())),
		"critical_options": options, "extensions": named,
	}
}

// wanted signs what the bastion will ask for and checks it as the bastion does.
func (e *examination) wanted(ctx context.Context, r setup.Role, key ssh.PublicKey, extensions []string) bool {
	point := "role " + r.Name + ": signs for " + r.Login + " with " + strings.Join(extensions, ", ")
	if len(extensions) == 0 {
		point = "role " + r.Name + ": signs for " + r.Login + " without extensions"
	}
	asked := e.client.now()
	cert, err := e.ask(ctx, "sign", r, e.order(r, key, extensions))
	if err != nil {
		e.say(FindingWrong, point, errorText(err), remedies[asFault(err).State])
		return false
	}
	order := certs.Order{
		Key: key, Login: r.Login, KeyID: doctorKeyID, Extensions: extensions, TTL: r.TTL, Asked: asked,
		SourceAddresses: e.sources(),
	}
	if err := certs.Check(cert, order, []ssh.PublicKey{e.ca}, e.client.now()); err != nil {
		e.say(FindingWrong, point, err.Error(), "The bastion refuses such a certificate: write the role as `sallyport vault policy` prints it")
		return false
	}
	e.fine(point, "for %v, as asked", r.TTL)
	return true
}

// remedies say what to do when what is needed is not signed.
var remedies = map[State]string{
	Denied:      "The policy does not allow it: write the one that `sallyport vault policy` prints",
	UnknownRole: "Write the role as `sallyport vault policy` prints it",
	Rejected:    "The role does not allow it: write it as `sallyport vault policy` prints it",
	NoEngine:    "Enable the engine, and generate its CA",
}

func (e *examination) sources() []netip.Prefix {
	var list []netip.Prefix
	for word := range strings.SplitSeq(e.Plan.Sources, ",") {
		if p, err := netip.ParsePrefix(word); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// unwanted orders what must not be had.
func (e *examination) unwanted(ctx context.Context, r setup.Role, p probe, order map[string]any) {
	point := "role " + r.Name + ": " + p.name
	cert, err := e.ask(ctx, "sign", r, order)
	switch fault := asFault(err); {
	case err == nil && p.harmless != nil && p.harmless(cert):
		e.fine(point, "is not given")
	case err == nil:
		state := p.state
		if state == "" {
			state = FindingWrong
		}
		e.say(state, point, "is signed", p.do)
	case fault.State == Denied || fault.State == Rejected:
		e.fine(point, "is refused")
	default:
		e.unseen(point, err)
	}
}

// ask signs and gives the certificate, or a [*Fault].
func (e *examination) ask(ctx context.Context, verb string, r setup.Role, order map[string]any) (*ssh.Certificate, error) {
	ctx, cancel := e.call(ctx)
	defer cancel()
	secret, err := e.api.Logical().WriteWithRequest(ctx, api.NewLogicalWriteRequest(e.Plan.Mount+"/"+verb+"/"+r.Name, maps.Clone(order), header()))
	if err != nil {
		return nil, faultOf(ctx, err)
	}
	if secret == nil {
		return nil, &Fault{Garbled, fmt.Errorf("an empty answer")}
	}
	cert, err := parseCertificate(secret.Data["signed_key"])
	if err != nil {
		return nil, &Fault{Garbled, err}
	}
	return cert, nil
}

func asFault(err error) *Fault {
	if f, ok := err.(*Fault); ok {
		return f
	}
	return nil
}

func errorText(err error) string {
	if err == nil {
		return "nothing"
	}
	return err.Error()
}
