package setup

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Commands prints the plan as a script of `vault` commands, for a shell whose
// VAULT_ADDR and VAULT_TOKEN are those of somebody who may. It can run again:
// each command leaves what is right as it is.
func (p Plan) Commands() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("#!/bin/sh")
	line("# What Sallyport needs of Vault. Read it, then run it as somebody who may; nothing")
	line("# of the bastion's ever does.")
	line("set -eu")
	if p.Namespace != "" {
		line("export VAULT_NAMESPACE=%s", shell(p.Namespace))
	}
	line("")
	line("# The engine and its CA: ed25519, for the default is RSA.")
	line("vault secrets list -format=json | grep -q %s || vault secrets enable -path=%s ssh", shell(`"`+p.Mount+`/"`), shell(p.Mount))
	line("vault read %s >/dev/null 2>&1 || vault write %[1]s generate_signing_key=true key_type=ed25519", shell(p.Mount+"/config/ca"))
	line("")
	line("# What the audit log shows in clear; without it an entry does not lead to a session.")
	line("vault secrets tune \\")
	for _, k := range AuditRequestKeys {
		line("  -audit-non-hmac-request-keys=%s \\", k)
	}
	for _, k := range AuditResponseKeys {
		line("  -audit-non-hmac-response-keys=%s \\", k)
	}
	line("  %s", shell(p.Mount+"/"))
	line("vault write sys/config/auditing/request-headers/X-Correlation-Id hmac=false")
	line("")
	line("# One role per login. Writing one replaces all of it.")
	for _, r := range p.Roles {
		line("vault write %s - <<'EOF'", shell(p.Mount+"/roles/"+r.Name))
		line("%s", jsonOf(r.Fields()))
		line("EOF")
	}
	line("")
	line("vault policy write %s - <<'EOF'", PolicyName)
	b.WriteString(p.Policy())
	line("EOF")
	line("")
	p.authCommands(line)
	return b.String()
}

// authCommands prints how the bastion's login is made.
func (p Plan) authCommands(line func(string, ...any)) {
	a := p.Auth
	enable := func() {
		line("vault auth list -format=json | grep -q %s || vault auth enable -path=%s %s", shell(`"`+a.Mount+`/"`), shell(a.Mount), a.Method)
	}
	bound := ""
	if p.Sources != "" {
		bound = " \\\n  token_bound_cidrs=" + shell(p.Sources)
	}
	token := "token_policies=" + PolicyName + " token_no_default_policy=true token_ttl=1h token_max_ttl=24h" + bound
	switch a.Method {
	case "approle":
		line("# The bastion's login. The secret ID is used at each login, so it has no bound of uses.")
		enable()
		secret := "secret_id_num_uses=0 secret_id_ttl=0"
		if p.Sources != "" {
			secret += " secret_id_bound_cidrs=" + shell(p.Sources)
		}
		line("vault write %s \\\n  %s \\\n  %s", shell("auth/"+a.Mount+"/role/"+a.Role), token, secret)
		line("vault read -field=role_id %s                # into role_id_file", shell("auth/"+a.Mount+"/role/"+a.Role+"/role-id"))
		wrap := ""
		if a.Wrapped {
			wrap = "-wrap-ttl=10m -field=wrapping_token "
		} else {
			wrap = "-field=secret_id "
		}
		line("vault write -f %s%s  # into secret_id_file", wrap, shell("auth/"+a.Mount+"/role/"+a.Role+"/secret-id"))
	case "kubernetes":
		line("# The bastion's login: name its service account and namespace.")
		enable()
		line("vault write %s \\\n  bound_service_account_names=sallyport bound_service_account_namespaces=sallyport \\\n  %s", shell("auth/"+a.Mount+"/role/"+a.Role), token)
	case "jwt":
		line("# The bastion's login: name the audience and subject of its token.")
		enable()
		line("vault write %s \\\n  role_type=jwt user_claim=sub bound_audiences=vault bound_subject=sallyport \\\n  %s", shell("auth/"+a.Mount+"/role/"+a.Role), token)
	case "cert":
		line("# The bastion's login: sallyport.pem is the CA of its client certificate, or that itself.")
		enable()
		line("vault write %s \\\n  certificate=@sallyport.pem \\\n  %s", shell("auth/"+a.Mount+"/certs/"+a.Role), token)
	default:
		line("# The bastion's login: a token that it renews.")
		line("vault token create -orphan -policy=%s -no-default-policy -period=24h -field=token   # into token_file", PolicyName)
	}
}

// jsonOf writes an object with its keys in order, one a line.
func jsonOf(fields map[string]any) string {
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		value := "{}"
		switch v := fields[k].(type) {
		case string:
			value = `"` + v + `"` // names that were checked: nothing to escape
		case bool:
			value = fmt.Sprint(v)
		}
		lines = append(lines, fmt.Sprintf("  %q: %s", k, value))
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}"
}

// shell quotes one word.
func shell(s string) string { return `'` + strings.ReplaceAll(s, `'`, `'\''`) + `'` }
