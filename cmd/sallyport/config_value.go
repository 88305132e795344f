package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

// What the sections of sallyport.yaml have in common: values of one kind, and
// how each is checked.

func required(doc *strictyaml.Document, key, value string) bool {
	if value == "" {
		doc.Faultf(key, "is required")
	}
	return value != ""
}

func positive(doc *strictyaml.Document, key string, n int64) {
	if n <= 0 {
		doc.Faultf(key, "must be more than nothing")
	}
}

func oneOf(doc *strictyaml.Document, key, value string, values ...string) bool {
	if slices.Contains(values, value) {
		return true
	}
	doc.Faultf(key, "%s is none of %s", strictyaml.Quote(value), strings.Join(values, ", "))
	return false
}

// checkURL wants https, since tokens go there; http is for loopback.
func checkURL(doc *strictyaml.Document, key, s string) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Host == "", u.User != nil, u.Scheme != "https" && u.Scheme != "http":
		doc.Faultf(key, "is no URL such as https://vault.example.com:8200") // unquoted: a password may be in it
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		doc.Faultf(key, "sends tokens there in the clear; use https (http is for loopback only)")
	}
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// checkSecret wants a secret given. That it cannot be read now is a warning:
// `check` may well run where the secrets are not.
func checkSecret(doc *strictyaml.Document, key string, s strictyaml.Secret) {
	switch {
	case !s.Given():
		doc.Faultf(key, "is required: the path of a file, or env:NAME")
	case s.Env != "":
		if os.Getenv(s.Env) == "" {
			doc.Warnf(key, "the variable %s is not set here", s.Env)
		}
	default:
		checkSecretFile(doc, key, s.Path)
	}
}

// checkSecretFile warns when a file is not there, or readable by everybody.
func checkSecretFile(doc *strictyaml.Document, key, path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		absentOr(doc, key, err)
	case info.Mode().Perm()&0o007 != 0:
		doc.Warnf(key, "%s is open to every user of this machine (mode %04o)", path, info.Mode().Perm())
	}
}

// checkFile warns when a file is named and not there.
func checkFile(doc *strictyaml.Document, key, path string) {
	if path == "" {
		return
	}
	if _, err := os.Stat(path); err != nil {
		absentOr(doc, key, err)
	}
}

// absentOr warns of a file that is not here, and faults anything worse.
func absentOr(doc *strictyaml.Document, key string, err error) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		doc.Warnf(key, "cannot be read here: %v", err)
		return
	}
	doc.Faultf(key, "%v", err)
}

// checkListen checks HOST:PORT to listen on and returns the host. Port 0 takes
// a free one.
func checkListen(doc *strictyaml.Document, key, s string) string {
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || strings.ContainsAny(host, " /@") {
		doc.Faultf(key, "%s is no address to listen on, such as 127.0.0.1:2222", strictyaml.Quote(s))
	}
	return host
}

func isUnspecified(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsUnspecified()
}

// checkAdvertise gives HOST:PORT; the port is 22 unless given.
func checkAdvertise(doc *strictyaml.Document, s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.Trim(s, "[]"), "22"
	}
	_, notAddress := netip.ParseAddr(host)
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || notAddress != nil && !access.ValidName(strings.ToLower(host)) {
		doc.Faultf("ssh.advertise", "%s is no HOST:PORT, such as bastion.example.com:22", strictyaml.Quote(s))
	}
	return net.JoinHostPort(strings.ToLower(host), port)
}

// at is the key path of an item of a list.
func at(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }
