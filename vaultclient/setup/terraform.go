package setup

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Terraform prints the plan for the provider hashicorp/vault. The CA's key is
// made by Vault and never in the state.
func (p Plan) Terraform() string {
	var b strings.Builder
	block := func(kind, name string, body ...string) {
		fmt.Fprintf(&b, "resource %q %q {\n", kind, name)
		for _, l := range body {
			b.WriteString("  " + l + "\n")
		}
		b.WriteString("}\n\n")
	}
	b.WriteString("# What Sallyport needs of Vault, for the provider hashicorp/vault.\n\n")
	var namespace []string
	if p.Namespace != "" {
		namespace = []string{"namespace = " + quote(p.Namespace)}
	}
	block("vault_mount", "sallyport", append(namespace,
		"path = "+quote(p.Mount), `type = "ssh"`,
		"audit_non_hmac_request_keys  = "+words(AuditRequestKeys),
		"audit_non_hmac_response_keys = "+words(AuditResponseKeys))...)
	block("vault_ssh_secret_backend_ca", "sallyport", append(namespace,
		"backend = vault_mount.sallyport.path", "generate_signing_key = true", `key_type = "ed25519"`)...)
	for _, r := range p.Roles {
		body := append(namespace, "backend = vault_mount.sallyport.path", "name = "+quote(r.Name))
		fields := r.Fields()
		for _, k := range slices.Sorted(maps.Keys(fields)) {
			body = append(body, terraformField(k, fields[k]))
		}
		block("vault_ssh_secret_backend_role", identifier(r.Name), body...)
	}
	body := append(namespace, "name = "+quote(PolicyName), "policy = <<-EOT")
	for l := range strings.Lines(p.Policy()) {
		body = append(body, strings.TrimRight("  "+l, "\n"))
	}
	block("vault_policy", "sallyport", append(body, "EOT")...)
	if p.Auth.Method == "approle" {
		body := append(namespace, "backend = "+quote(p.Auth.Mount), "role_name = "+quote(p.Auth.Role),
			"token_policies = [vault_policy.sallyport.name]", "token_ttl = 3600", "token_max_ttl = 86400")
		if p.Sources != "" {
			body = append(body, "token_bound_cidrs = "+words(strings.Split(p.Sources, ",")))
		}
		block("vault_approle_auth_backend_role", "sallyport", body...)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// terraformField writes a field of a role; times are texts of seconds there,
// as in the API.
func terraformField(key string, value any) string {
	switch v := value.(type) {
	case string:
		if n, ok := strings.CutSuffix(v, "s"); ok && (key == "ttl" || key == "max_ttl" || key == "not_before_duration") {
			v = n
		}
		return key + " = " + quote(v)
	case bool:
		return fmt.Sprintf("%s = %v", key, v)
	}
	return key + " = {}"
}

func words(list []string) string {
	quoted := make([]string, len(list))
	for i, w := range list {
		quoted[i] = quote(w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// identifier makes a name of Terraform's out of a role's.
func identifier(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' {
			return '_'
		}
		return r
	}, s)
}
