package setup

import (
	"fmt"
	"strings"
)

// Policy is the policy of the bastion's token, in HCL. It lets the bastion sign
// what it needs, each parameter pinned, and keep its token; nothing else, and
// never `issue`, which would make the private key in Vault.
//
// A parameter that is required and not in the request is refused, and so is one
// that is not allowed, or has another value than those listed: "Policies:
// fine-grained control" of Vault's documentation. Lists of maps compare whole,
// so each set of extensions is named.
func (p Plan) Policy() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The policy %q of the bastion's token.\n", PolicyName)
	for _, r := range p.Roles {
		b.WriteByte('\n')
		fmt.Fprintf(&b, "path %s {\n", quote(p.Mount+"/sign/"+r.Name))
		b.WriteString("  capabilities = [\"update\"]\n")
		b.WriteString("  required_parameters = [\"public_key\", \"cert_type\", \"valid_principals\", \"key_id\", \"ttl\", \"critical_options\", \"extensions\"]\n")
		b.WriteString("  allowed_parameters = {\n")
		allow := func(name string, values ...string) {
			fmt.Fprintf(&b, "    %-18s = [%s]\n", quote(name), strings.Join(values, ", "))
		}
		allow("public_key")
		allow("cert_type", quote("user"))
		allow("valid_principals", quote(r.Login))
		allow("key_id", quote("sallyport person=*"))
		allow("ttl") // the role's max_ttl bounds it
		allow("critical_options", p.options(r))
		allow("extensions", r.sets()...)
		b.WriteString("  }\n}\n")
	}
	b.WriteString("\n# Keeping the token: without these it is silently not renewable.\n")
	b.WriteString("path \"auth/token/renew-self\" { capabilities = [\"update\"] }\n")
	b.WriteString("path \"auth/token/lookup-self\" { capabilities = [\"read\"] }\n")
	b.WriteString("path \"auth/token/revoke-self\" { capabilities = [\"update\"] }\n")
	b.WriteString("\n# For `sallyport vault doctor`: what this token may do.\n")
	b.WriteString("path \"sys/capabilities-self\" { capabilities = [\"update\"] }\n")
	return b.String()
}

// options is the one map of critical options that r may be asked for.
func (p Plan) options(r Role) string {
	if !r.Pinned {
		return "{}"
	}
	return fmt.Sprintf("{%s = %s}", quote("source-address"), quote(p.Sources))
}

// sets are the maps of extensions that r may be asked for.
func (r Role) sets() []string {
	var list []string
	for _, set := range r.Extensions {
		var entries []string
		for _, e := range set {
			entries = append(entries, quote(e)+` = ""`)
		}
		list = append(list, "{"+strings.Join(entries, ", ")+"}")
	}
	return list
}

// quote writes a string of HCL, which is one of Terraform's too. What comes here
// are names that were checked and addresses: none has a "${" or a "%{" in it.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
