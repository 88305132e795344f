package vaultclient

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sallyport/sallyport/access"
)

// roleTemplate is the name of a Vault role with the places where login, host
// or a label of the host go: literal and place by turns.
type roleTemplate []rolePart

type rolePart struct{ literal, place string }

// roleName is what Vault's router takes for a role's name, which also keeps
// the value of a label from leading elsewhere.
var roleName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)

// parseRole reads a template such as "sallyport-{login}".
func parseRole(s string) (roleTemplate, error) {
	if s == "" {
		return nil, fmt.Errorf("missing; one role per login is the safe way: sallyport-{login}")
	}
	var t roleTemplate
	for rest := s; rest != ""; {
		literal, after, found := strings.Cut(rest, "{")
		if strings.Contains(literal, "}") {
			return nil, fmt.Errorf("%q has a } without a {", s)
		}
		if !found {
			return append(t, rolePart{literal: literal}), nil
		}
		place, next, closed := strings.Cut(after, "}")
		if !closed || place == "" || strings.Contains(place, "{") {
			return nil, fmt.Errorf("%q has a { without a name and a }", s)
		}
		t, rest = append(t, rolePart{literal, place}), next
	}
	return t, nil
}

// RoleNames gives, for a template, the name of the role for a login on a host.
func RoleNames(template string) (func(access.Host, string) (string, error), error) {
	t, err := parseRole(template)
	return t.name, err
}

// name is the role for a login on a host.
func (t roleTemplate) name(h access.Host, login string) (string, error) {
	var b strings.Builder
	for _, part := range t {
		b.WriteString(part.literal)
		switch part.place {
		case "":
		case "login":
			b.WriteString(login)
		case "host":
			b.WriteString(h.Name)
		default:
			value, ok := h.Labels[part.place]
			if !ok {
				return "", fmt.Errorf("ca.vault.role wants the label %q, which %s has not", part.place, h.Name)
			}
			b.WriteString(value)
		}
	}
	if name := b.String(); roleName.MatchString(name) {
		return name, nil
	}
	return "", fmt.Errorf("ca.vault.role gives %q, which no role can be called", access.Plain(b.String(), 100))
}
