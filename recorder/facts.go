package recorder

import (
	"time"

	"github.com/sallyport/sallyport/access"
)

// Facts is a session in the form that recordings hold: in the header of the
// cast as it began, and in the manifest as it ended. The names are those of
// `sessions --json`. It is what `reindex` rebuilds rows from.
type Facts struct {
	ID           string       `json:"id"`
	ConnectionID string       `json:"connection_id,omitempty"`
	BastionID    string       `json:"bastion_id"`
	Person       string       `json:"person"`
	Host         string       `json:"host"`
	Login        string       `json:"login"`
	Kind         string       `json:"kind"`
	Command      string       `json:"command,omitempty"`
	Terminal     bool         `json:"terminal"`
	Rule         string       `json:"rule,omitempty"`
	PolicyDigest string       `json:"policy_digest,omitempty"`
	RequestID    string       `json:"request_id,omitempty"`
	GrantID      string       `json:"grant_id,omitempty"`
	Approvers    []string     `json:"approvers,omitempty"`
	Fingerprint  string       `json:"key_fingerprint,omitempty"`
	Source       string       `json:"source_addr,omitempty"`
	StartedAt    time.Time    `json:"started_at"`
	EndedAt      *time.Time   `json:"ended_at,omitempty"`
	State        string       `json:"state"`
	ExitStatus   *int         `json:"exit_status,omitempty"`
	EndCause     string       `json:"end_cause,omitempty"`
	EndDetail    string       `json:"end_detail,omitempty"`
	BytesOut     int64        `json:"bytes_out"`
	BytesIn      int64        `json:"bytes_in"`
	Recording    string       `json:"recording"`
	Certificate  *Certificate `json:"certificate,omitempty"`
}

// Certificate is what is kept of the certificate that logged in to the host.
type Certificate struct {
	Serial         uint64    `json:"serial,string"`
	KeyID          string    `json:"key_id"`
	CAFingerprint  string    `json:"ca_fingerprint"`
	ValidBefore    time.Time `json:"valid_before"`
	VaultRequestID string    `json:"vault_request_id,omitempty"`
}

// factsOf is the stored form of s. Times are UTC to the microsecond, as in
// the database.
func factsOf(s access.Session) Facts {
	f := Facts{
		ID: string(s.ID), ConnectionID: string(s.ConnectionID), BastionID: s.BastionID,
		Person: string(s.Person), Host: s.Target.Host, Login: s.Target.Login,
		Kind: string(s.Kind), Command: s.Command, Terminal: s.Terminal,
		Rule: s.Rule, PolicyDigest: s.PolicyDigest,
		RequestID: string(s.RequestID), GrantID: string(s.GrantID),
		Fingerprint: s.Fingerprint, Source: s.Source,
		StartedAt: stamp(s.StartedAt), State: string(s.State),
		ExitStatus: s.ExitStatus, EndCause: s.EndCause, EndDetail: s.EndDetail,
		BytesOut: s.BytesOut, BytesIn: s.BytesIn, Recording: s.Recording,
	}
	for _, a := range s.Approvers {
		f.Approvers = append(f.Approvers, string(a))
	}
	if !s.EndedAt.IsZero() {
		t := stamp(s.EndedAt)
		f.EndedAt = &t
	}
	if c := s.Certificate; c != (access.Certificate{}) {
		f.Certificate = &Certificate{
			Serial: c.Serial, KeyID: c.KeyID, CAFingerprint: c.CAFingerprint,
			ValidBefore: stamp(c.ValidBefore), VaultRequestID: c.VaultRequestID,
		}
	}
	return f
}

// Session gives f as the noun that the other packages know.
func (f Facts) Session() access.Session {
	s := access.Session{
		ID: access.SessionID(f.ID), ConnectionID: access.ConnectionID(f.ConnectionID), BastionID: f.BastionID,
		Person: access.PersonName(f.Person), Target: access.Target{Login: f.Login, Host: f.Host},
		Kind: access.Kind(f.Kind), Command: f.Command, Terminal: f.Terminal,
		Rule: f.Rule, PolicyDigest: f.PolicyDigest,
		RequestID: access.RequestID(f.RequestID), GrantID: access.GrantID(f.GrantID),
		Fingerprint: f.Fingerprint, Source: f.Source,
		StartedAt: f.StartedAt, State: access.SessionState(f.State),
		ExitStatus: f.ExitStatus, EndCause: f.EndCause, EndDetail: f.EndDetail,
		BytesOut: f.BytesOut, BytesIn: f.BytesIn, Recording: f.Recording,
	}
	for _, a := range f.Approvers {
		s.Approvers = append(s.Approvers, access.PersonName(a))
	}
	if f.EndedAt != nil {
		s.EndedAt = *f.EndedAt
	}
	if c := f.Certificate; c != nil {
		s.Certificate = access.Certificate{
			Serial: c.Serial, KeyID: c.KeyID, CAFingerprint: c.CAFingerprint,
			ValidBefore: c.ValidBefore, VaultRequestID: c.VaultRequestID,
		}
	}
	return s
}

func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
