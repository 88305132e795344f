package audit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/audit"
)

func event(reason string) audit.Event {
	return audit.Event{
		Time: time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.FixedZone("x", 3600)), Bastion: "bastion-1",
		Kind: audit.RequestDenied, Actor: "bob", Person: "alice", Host: "db1", Login: "root",
		Request: "01J00000000000000000000000",
		Detail:  map[string]string{"reason": reason, "via": "console", "empty": ""},
	}
}

func TestEncodeIsDeterministicAndOneLine(t *testing.T) {
	got := audit.Encode(event("no <b> & why"))
	const want = `{"v":1,"time":"2026-03-04T04:06:07.123456Z","bastion_id":"bastion-1","kind":"request.denied",` +
		`"actor":"bob","person":"alice","host":"db1","login":"root","request_id":"01J00000000000000000000000",` +
		`"detail":{"reason":"no <b> & why","via":"console"}}`
	if string(got) != want {
		t.Fatalf("stored form changed, which breaks readers of the chain:\n got %s\nwant %s", got, want)
	}
	for range 20 {
		if !bytes.Equal(got, audit.Encode(event("no <b> & why"))) {
			t.Fatal("the same event was encoded in two ways")
		}
	}
	back, err := audit.Decode(got)
	if err != nil || back.Kind != audit.RequestDenied || back.Detail["via"] != "console" || back.Person != "alice" {
		t.Fatalf("Decode: %+v, %v", back, err)
	}
}

func TestEncodeTakesNothingHostile(t *testing.T) {
	got := string(audit.Encode(event("a\nb\x1b]52;c;x\x07\u202e\xff" + strings.Repeat("y", 100_000))))
	if strings.ContainsAny(got, "\n\x1b\x07\u202e") || strings.Contains(got, `\u001b`) {
		t.Errorf("control characters were stored: %.200q", got)
	}
	if len(got) > 10_000 {
		t.Errorf("%d bytes were stored", len(got))
	}
}

// chain makes n rows.
func chain(n int) []audit.Row {
	var rows []audit.Row
	seq, head := int64(0), audit.Genesis
	for i := range n {
		r := audit.Link(seq, head, audit.Encode(event(strings.Repeat("r", i+1))))
		rows, seq, head = append(rows, r), r.Seq, r.Hash
	}
	return rows
}

func verify(rows []audit.Row) error {
	var v audit.Verifier
	for _, r := range rows {
		if err := v.Check(r); err != nil {
			return err
		}
	}
	return nil
}

func TestChainShowsEveryChange(t *testing.T) {
	if err := verify(chain(5)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		seq  int64
		do   func([]audit.Row) []audit.Row
	}{
		{"a changed byte", 3, func(r []audit.Row) []audit.Row {
			r[2].Stored = bytes.Replace(r[2].Stored, []byte("bob"), []byte("eve"), 1)
			return r
		}},
		{"a byte changed and hashed again", 4, func(r []audit.Row) []audit.Row {
			r[2].Stored = bytes.Replace(r[2].Stored, []byte("bob"), []byte("eve"), 1)
			r[2].Hash = audit.Hash(r[2].Prev, r[2].Stored)
			return r
		}},
		{"a row left out", 3, func(r []audit.Row) []audit.Row { return append(r[:2:2], r[3:]...) }},
		{"a row twice", 3, func(r []audit.Row) []audit.Row { return append(r[:2:2], r[1:]...) }},
		{"two rows swapped", 2, func(r []audit.Row) []audit.Row { r[1], r[2] = r[2], r[1]; return r }},
		{"the first row left out", 1, func(r []audit.Row) []audit.Row { return r[1:] }},
		{"blanks that mean nothing in JSON", 5, func(r []audit.Row) []audit.Row {
			r[4].Stored = append(r[4].Stored, ' ')
			return r
		}},
	} {
		var broken *audit.Broken
		if err := verify(c.do(chain(5))); !errors.As(err, &broken) {
			t.Errorf("%s: not noticed: %v", c.name, err)
		} else if broken.Seq != c.seq {
			t.Errorf("%s: noticed at %d, want %d", c.name, broken.Seq, c.seq)
		}
	}
}

func TestVerifierGoesOnFromAnAnchor(t *testing.T) {
	rows := chain(5)
	v := audit.Verifier{Seq: rows[1].Seq, Head: rows[1].Hash}
	for _, r := range rows[2:] {
		if err := v.Check(r); err != nil {
			t.Fatal(err)
		}
	}
	if v.Seq != 5 || v.Head != rows[4].Hash {
		t.Errorf("ended at %d", v.Seq)
	}
}

func TestLineKeepsTheBytes(t *testing.T) {
	rows := chain(3)
	var file []byte
	for _, r := range rows {
		file = audit.AppendLine(file, r)
	}
	var v audit.Verifier
	for line := range bytes.Lines(file) {
		r, err := audit.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Check(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{"", "{", `{"seq":1}`, `{"seq":1,"prev":"00","hash":"00","event":{}}`} {
		if _, err := audit.ParseLine([]byte(bad)); err == nil {
			t.Errorf("ParseLine(%q) had no error", bad)
		}
	}
}
