package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sallyport/sallyport/audit"
)

// swift is how fast what waits for nobody is, on a busy machine: a sender gives
// a receiver half a minute.
const swift = 20 * time.Second

// siem takes the audit trail: as syslog over TLS, and as an HTTPS hook. When it
// is stuck it accepts connections and requests, and reads and answers nothing.
type siem struct {
	syslog net.Listener
	hook   *http.Server
	all    sync.WaitGroup

	mu    sync.Mutex
	stuck chan struct{}       // closed when it goes on; nil while it does
	lines map[string][]string // by target, as they came
}

// cmdSiem is what a receiver of the audit trail does:
//
//	siem start     two of them, for the bastion that is started next
//	siem stuck     they accept, and nothing more
//	siem behind    until the bastion's metrics say that both lack rows
//	siem flows     they go on
//	siem whole     until both have the chain as the audit files have it: in order, nothing left out
func cmdSiem(ts *testscript.TestScript, _ bool, args []string) {
	w := townOf(ts)
	if len(args) != 1 || (w.siem == nil) != (args[0] == "start") {
		ts.Fatalf("usage: siem start|stuck|behind|flows|whole")
	}
	switch args[0] {
	case "start":
		if w.config == nil {
			w.config = baseConfig()
		}
		ts.Check(w.startSiem())
	case "stuck":
		w.siem.stick()
	case "behind":
		for _, target := range []string{"audit-syslog", "audit-https"} {
			await(ts, target+" is behind", func() (bool, error) {
				page, err := w.metrics()
				name := `sallyport_audit_unsent_rows{target="` + target + `"} `
				return strings.Contains(page, name) && !strings.Contains(page, name+"0\n"), err
			})
		}
	case "flows":
		w.siem.flow()
	case "whole":
		for _, target := range []string{"syslog", "https"} {
			await(ts, target+" has it all", func() (bool, error) { return w.whole(target) })
		}
	default:
		ts.Fatalf("siem %s?", args[0])
	}
}

// cmdSwiftly has a person do what must not take long.
func cmdSwiftly(ts *testscript.TestScript, neg bool, args []string) {
	began := time.Now()
	act(ts, args[0], neg, args[1:])
	if took := time.Since(began); took > swift {
		ts.Fatalf("%v took %v", args, took)
	}
}

func (w *town) startSiem() error {
	certificate, err := w.certificate("siem.pem")
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	s := &siem{lines: map[string][]string{}}
	if s.syslog, err = tls.Listen("tcp", "127.0.0.1:0", config); err != nil {
		return err
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return errors.Join(err, s.syslog.Close())
	}
	s.hook = &http.Server{Handler: http.HandlerFunc(s.post), ReadHeaderTimeout: patience}
	s.all.Go(func() { _ = s.hook.Serve(l) }) // ends with close
	s.all.Go(s.accept)
	w.siem = s
	w.put("audit.syslog", map[string]any{"address": s.syslog.Addr().String(), "ca_file": w.path("siem.pem")})
	w.put("audit.https", map[string]any{"url": "https://" + l.Addr().String() + "/", "ca_file": w.path("siem.pem")})
	return nil
}

// certificate makes one for 127.0.0.1 that vouches for itself.
func (w *town) certificate(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.WriteFile(w.path(name), text, 0o600)
}

func (s *siem) stick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stuck == nil {
		s.stuck = make(chan struct{})
	}
}

func (s *siem) flow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stuck != nil {
		close(s.stuck)
		s.stuck = nil
	}
}

// held waits while it is stuck, and reports whether it was.
func (s *siem) held() bool {
	s.mu.Lock()
	stuck := s.stuck
	s.mu.Unlock()
	if stuck == nil {
		return false
	}
	<-stuck
	return true
}

func (s *siem) took(target, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[target] = append(s.lines[target], strings.TrimSuffix(line, "\n"))
}

func (s *siem) accept() {
	for {
		conn, err := s.syslog.Accept()
		if err != nil {
			return
		}
		s.all.Go(func() {
			defer conn.Close()
			_ = conn.(*tls.Conn).Handshake() // what fails ends below
			if !s.held() {
				s.read(conn)
			}
		})
	}
}

// read takes messages as RFC 5425 frames them: MSG-LEN SP SYSLOG-MSG.
func (s *siem) read(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		var length int
		if _, err := fmt.Fscanf(in, "%d ", &length); err != nil {
			return
		}
		message := make([]byte, length)
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		_, line, _ := strings.Cut(string(message), "] {")
		s.took("syslog", "{"+line)
	}
}

func (s *siem) post(w http.ResponseWriter, r *http.Request) {
	if s.held() {
		http.Error(w, "too late", http.StatusServiceUnavailable)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(body)) {
		s.took("https", line)
	}
}

func (s *siem) close() error {
	s.flow()
	err := errors.Join(s.syslog.Close(), s.hook.Close())
	s.all.Wait()
	return err
}

// whole reports whether a target has what the audit files have. What comes in
// another order, or other than it is there, is an error.
func (w *town) whole(target string) (bool, error) {
	events, err := w.events()
	if err != nil {
		return false, err
	}
	w.siem.mu.Lock()
	lines := append([]string{}, w.siem.lines[target]...)
	w.siem.mu.Unlock()
	var chain audit.Verifier
	for _, line := range lines {
		row, err := audit.ParseLine([]byte(line))
		if err != nil {
			return false, err
		}
		if row.Seq <= chain.Seq {
			if int(row.Seq) <= len(events) && strings.TrimSpace(events[row.Seq-1]) != line {
				return false, fmt.Errorf("row %d came again, and not the same", row.Seq)
			}
			continue
		}
		if err := chain.Check(row); err != nil { // a row between is lacking, or is another
			return false, err
		}
	}
	page, err := w.metrics()
	done := strings.Contains(page, `sallyport_audit_unsent_rows{target="audit-`+target+`"} 0`+"\n")
	return done && int(chain.Seq) == len(events), err
}

// metrics is the page of them.
func (w *town) metrics() (string, error) {
	answer, err := http.Get("http://" + w.bastion.metrics + "/metrics")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	return string(page), err
}
