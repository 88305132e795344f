package slacktest

import (
	"crypto/subtle"
	"mime"
	"net"
	"net/http"
)

// onlyOurHost refuses requests that were addressed to another name: a web site whose name was
// re-bound to loopback still says its own name in Host.
func (s *Server) onlyOurHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.ourHost(r.Host) {
			http.Error(w, "this server answers on loopback, under its own address only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) ourHost(host string) bool {
	_, port, err := net.SplitHostPort(s.addr)
	return err == nil && (host == s.addr || host == net.JoinHostPort("localhost", port))
}

// fromOurPage lets a state-changing request through only if our own page made it, because in the
// demo a click approves access. Each check would do alone in a current browser: the Origin that the
// browser states, the page's token that no other site can read, a content type that no plain form
// can send, and Sec-Fetch-Site where the browser has it.
func (s *Server) fromOurPage(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		site := r.Header.Get("Sec-Fetch-Site")
		token := r.Header.Get("X-Page-Token")
		switch {
		case r.Header.Get("Origin") != "http://"+r.Host, site != "" && site != "same-origin":
			http.Error(w, "cross-site request refused", http.StatusForbidden)
		case subtle.ConstantTimeCompare([]byte(token), []byte(s.pageToken)) != 1:
			http.Error(w, "page token missing or old: reload the page", http.StatusForbidden)
		case kind != "application/json":
			http.Error(w, "JSON only", http.StatusUnsupportedMediaType)
		default:
			next(w, r)
		}
	}
}

// hardened sets the headers that keep the page its own: nothing foreign runs in it, and it shows in
// nobody's frame, where a click could be stolen.
func hardened(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "+
			"connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next(w, r)
	}
}
