package access

import "slices"

// Allow is one entry of what a rule lets through the gate. Destinations are
// literal and belong to forwards only: "127.0.0.1:5432", "127.0.0.1:*", or the
// path of a unix socket.
type Allow struct {
	Capability   Capability
	Destinations []string
}

// AllowList is what a rule lets through. An empty one lets nothing through.
type AllowList []Allow

// Has reports whether l allows c at all, wherever to.
func (l AllowList) Has(c Capability) bool {
	return slices.ContainsFunc(l, func(a Allow) bool { return a.Capability == c })
}
