package policy

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

var (
	labelKey   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$`)
	labelValue = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
)

func (r *reader) readHosts(forms []hostForm) {
	for i, f := range forms {
		key := at("hosts", i)
		h := access.Host{Name: f.Name, Aliases: f.Aliases, Labels: f.Labels, Logins: f.Logins}
		r.hostName(key+".name", f.Name, i)
		for j, alias := range f.Aliases {
			r.hostName(at(key+".aliases", j), alias, i)
		}
		h.Address = r.readAddress(key+".address", f.Address)
		r.readLabels(key+".labels", f.Labels)
		if len(f.Logins) == 0 {
			r.doc.Faultf(key+".logins", "is required: the accounts that may be asked for on this host")
		}
		r.readLogins(key+".logins", f.Logins)
		if len(f.HostKeys)+len(f.HostCA) == 0 {
			r.doc.Faultf(key+".host_keys", "is required (or host_ca): without it the host cannot be told from an impostor")
		}
		h.HostKeys = r.readHostKeys(key+".host_keys", f.HostKeys, forHosts)
		h.HostCAs = r.readHostKeys(key+".host_ca", f.HostCA, forPeople)
		r.policy.Hosts = append(r.policy.Hosts, h)
	}
}

// hostName takes a name or alias. Both share one name space.
func (r *reader) hostName(key, name string, i int) {
	if !r.name(key, name) {
		return
	}
	if _, err := netip.ParseAddr(name); err == nil {
		r.doc.Faultf(key, "%s is an address; hosts are asked for by name only", strictyaml.Quote(name))
		return
	}
	if r.unique("host name", name, key) {
		r.policy.hosts[name] = i
	}
}

func (r *reader) readAddress(key, s string) string {
	if !r.required(key, s) {
		return ""
	}
	host, port, err := splitAddress(s)
	if err != nil {
		r.doc.Faultf(key, "%v", err)
		return ""
	}
	r.policy.sshPorts[port] = true
	if a, err := netip.ParseAddr(host); err == nil {
		r.policy.addresses[a] = true
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// splitAddress reads HOST:PORT, HOST, [IPV6]:PORT or IPV6; the port is 22
// unless given. Addresses come back in their one canonical form.
func splitAddress(s string) (host string, port uint16, err error) {
	host, digits, err := net.SplitHostPort(s)
	if err != nil { // no port
		host, digits = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), "22"
	}
	if host, err = canonicalHost(host); err != nil {
		return "", 0, err
	}
	if port, err = parsePort(digits); err != nil {
		return "", 0, err
	}
	return host, port, nil
}

// canonicalHost takes an IP address or a DNS name.
func canonicalHost(host string) (string, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return "", errors.New("an address with a zone is not taken")
		}
		return a.Unmap().String(), nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	last := name[strings.LastIndexByte(name, '.')+1:]
	// What ends in a number is read as IPv4 by some resolvers and not by others.
	if _, err := strconv.ParseUint(last, 0, 64); err == nil || !access.ValidName(name) || strings.Contains(name, "..") {
		return "", fmt.Errorf("%s is neither an IP address nor a DNS name", strictyaml.Quote(host))
	}
	return name, nil
}

func parsePort(digits string) (uint16, error) {
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != digits {
		return 0, fmt.Errorf("%s is no port: 1 to 65535", strictyaml.Quote(digits))
	}
	return uint16(n), nil
}

func (r *reader) readLabels(key string, labels map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		v := labels[k]
		switch {
		case !labelKey.MatchString(k):
			r.doc.Faultf(key+"."+strictyaml.Short(k), "is no label: letters, digits, '.', '-', '_', '/', at most 63")
		case !labelValue.MatchString(v):
			r.doc.Faultf(key+"."+k, "%s is no value of a label: letters, digits, '.', '-', '_', at most 63", strictyaml.Quote(v))
		}
	}
}

func (r *reader) readLogins(key string, logins []string) {
	r.distinct(key, logins)
	for i, login := range logins {
		if !access.ValidLogin(login) {
			r.doc.Faultf(at(key, i), "%s is no login: [a-z_][a-z0-9_.-]{0,31}", strictyaml.Quote(login))
		}
	}
}

// readHostKeys gives the keys in authorized_keys form, without comments.
func (r *reader) readHostKeys(key string, lines, types []string) []string {
	var out []string
	for i, line := range lines {
		pub, _, err := parseKey(line, types)
		if err != nil {
			r.doc.Faultf(at(key, i), "%v", err)
			continue
		}
		out = append(out, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub))))
	}
	r.distinct(key, out)
	return out
}
