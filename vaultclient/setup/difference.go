package setup

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Difference is a field of a role that is not as it should be.
type Difference struct {
	Field       string
	Found, Want string
	Why         string // what it leads to
}

// whys says what a wrong field leads to. What is not here is wrong all the same,
// if harmless.
var whys = map[string]string{
	"key_type":                 "only `ca` signs certificates",
	"allow_user_certificates":  "without it nothing is signed",
	"allow_host_certificates":  "whoever has the bastion's token could pose as any host",
	"allow_user_key_ids":       "without it the certificate does not name person and session",
	"allowed_users":            "the role could sign for other logins",
	"allowed_users_template":   "who is signed for would depend on metadata of the token",
	"default_user":             "a request without principals would be signed for that user",
	"allowed_critical_options": "empty means any option; without source-address nothing can be pinned",
	"default_critical_options": "they are no floor: a request replaces them",
	"allowed_extensions":       "empty means any extension; one too few keeps a rule from working",
	"default_extensions":       "a request without extensions would get these",
	"max_ttl":                  "a certificate could live as long as the system allows, 768 hours by default",
	"ttl":                      "the default of a request without one",
	"not_before_duration":      "hosts whose clock is behind refuse a certificate that has not begun",
	"algorithm_signer":         "hosts may not accept another signature",
}

// Differences holds what Vault says of the role against what it should be.
func (r Role) Differences(found map[string]any) []Difference {
	var list []Difference
	want := r.Fields()
	for _, field := range slices.Sorted(maps.Keys(want)) {
		f, w := plain(field, found[field]), plain(field, want[field])
		if f != w {
			list = append(list, Difference{field, orNothing(f), orNothing(w), whys[field]})
		}
	}
	return list
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// plain makes values comparable: Vault takes "90s" and gives 90, takes lists
// with commas and gives them in another order, and leaves empty maps out.
func plain(field string, value any) string {
	switch v := value.(type) {
	case nil:
		if strings.HasPrefix(field, "allow_") || strings.HasSuffix(field, "_template") {
			return "false" // an older Vault, or OpenBao, that does not have the field
		}
		return ""
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return inSeconds(v.String() + "s")
	case float64:
		return inSeconds(fmt.Sprintf("%.0fs", v))
	case string:
		switch {
		case strings.HasSuffix(field, "ttl"), strings.HasSuffix(field, "duration"):
			return inSeconds(v)
		case field == "algorithm_signer" && v == "":
			return "default"
		}
		return strings.Join(slices.Sorted(strings.SplitSeq(v, ",")), ",")
	case map[string]any:
		var entries []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			entries = append(entries, fmt.Sprintf("%s=%v", k, v[k]))
		}
		return strings.Join(entries, ",")
	}
	return fmt.Sprint(value)
}

func inSeconds(s string) string {
	d, err := time.ParseDuration(s)
	if err != nil {
		return s
	}
	return d.String()
}
