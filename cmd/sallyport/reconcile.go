package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/store"
	"github.com/sallyport/sallyport/vaultclient/setup"
)

// vaultReconcile is `sallyport vault reconcile`.
func vaultReconcile(ctx context.Context, named, path string, f vaultFlags, std stdio) (err error) {
	config, p, err := vaultPlan(named)
	if err != nil {
		return err
	}
	known, err := issuedCertificates(ctx, config)
	if err != nil {
		return err
	}
	log := std.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		log = file
	}
	report, err := setup.Reconcile(log, p, known)
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	if f.json {
		err = printJSON(std.out, report)
	} else {
		_, err = io.WriteString(std.out, reportText(report))
	}
	if err == nil && !report.Clean() {
		return console.ExitError(1)
	}
	return err
}

// issuedCertificates are those in the audit chain: sessions whose host could
// not be reached after all included.
func issuedCertificates(ctx context.Context, config *Config) (known []setup.Known, err error) {
	s, err := store.OpenForReading(ctx, storeConfig(config))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for after := int64(0); ; {
		rows, err := s.Audit(ctx, after, 0)
		if err != nil || len(rows) == 0 {
			return known, err
		}
		for _, row := range rows {
			after = row.Seq
			e, err := row.Event()
			if err != nil {
				return nil, err
			}
			if e.Kind == audit.CertificateIssued {
				known = append(known, setup.Known{
					Time: e.Time, Session: e.Session, RequestID: e.Detail["vault_request_id"], KeyID: e.Detail["key_id"], Serial: e.Detail["serial"],
				})
			}
		}
	}
}

func reportText(r setup.Report) string {
	var b strings.Builder
	for _, s := range r.Unknown {
		fmt.Fprintf(&b, "UNKNOWN     %s  %s  serial %s  key ID %q: signed, for no session of ours (request %s)\n", s.Time.Format(time.RFC3339), s.Path, orUnknown(s.Serial), s.KeyID, s.RequestID)
	}
	for _, s := range r.Unanswered {
		fmt.Fprintf(&b, "unanswered  %s  %s  serial %s  key ID %q: a session of ours, another request (%s)\n", s.Time.Format(time.RFC3339), s.Path, orUnknown(s.Serial), s.KeyID, s.RequestID)
	}
	for _, k := range r.Missing {
		fmt.Fprintf(&b, "MISSING     %s  serial %s  key ID %q: not in the log (request %s)\n", k.Time.Format(time.RFC3339), k.Serial, k.KeyID, k.RequestID)
	}
	if r.Garbled > 0 {
		fmt.Fprintf(&b, "%s of the log could not be read\n", count(r.Garbled, "line", "lines"))
	}
	if r.Entries == 0 {
		b.WriteString("the log has no entries\n")
		return b.String()
	}
	fmt.Fprintf(&b, "%s to %s: %d signed, %d matched, %d unknown, %d unanswered, %d missing\n", r.From.Format(time.RFC3339), r.Until.Format(time.RFC3339),
		r.Signed, r.Matched, len(r.Unknown), len(r.Unanswered), len(r.Missing))
	return b.String()
}

func orUnknown(s string) string {
	if s == "" {
		return "hidden"
	}
	return s
}
