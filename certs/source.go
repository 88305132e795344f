package certs

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sallyport/sallyport/access"
)

// joinPrefixes writes the value of a source-address option.
func joinPrefixes(prefixes []netip.Prefix) string {
	words := make([]string, len(prefixes))
	for i, p := range prefixes {
		words[i] = p.String()
	}
	return strings.Join(words, ",")
}

// SourceAddressValue is the value of the source-address option for o; empty
// when none is asked for.
func (o Order) SourceAddressValue() string { return joinPrefixes(o.SourceAddresses) }

// parsePrefixes reads the value of a source-address option: addresses and
// CIDR blocks with commas between (PROTOCOL.certkeys, "Critical options").
func parsePrefixes(value string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for word := range strings.SplitSeq(value, ",") {
		if p, err := netip.ParsePrefix(word); err == nil {
			prefixes = append(prefixes, p)
			continue
		}
		a, err := netip.ParseAddr(word)
		if err != nil || a.Zone() != "" {
			return nil, fmt.Errorf("%q is no address", access.Plain(word, 60))
		}
		prefixes = append(prefixes, netip.PrefixFrom(a, a.BitLen()))
	}
	return prefixes, nil
}

// samePrefixes compares as sets of networks.
func samePrefixes(a, b []netip.Prefix) bool {
	within := func(a, b []netip.Prefix) bool {
		for _, p := range a {
			if !slices.ContainsFunc(b, func(q netip.Prefix) bool { return p.Masked() == q.Masked() }) {
				return false
			}
		}
		return true
	}
	return within(a, b) && within(b, a)
}

// anyContains reports whether addr lies in one of the networks. An IPv4
// address that arrived on an IPv6 socket is an IPv4 address.
func anyContains(prefixes []netip.Prefix, addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}
