package engine

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// refusal is an answer with an error, as Vault writes it.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

var (
	errSealed = refusal{http.StatusServiceUnavailable, "Vault is sealed"}
	errToken  = refusal{http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"}
	errACL    = refusal{http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n"}
	errRoute  = refusal{http.StatusNotFound, "no handler for route"}
)

// maxBody bounds what is read of a request.
const maxBody = 1 << 20

// ServeHTTP answers as Vault's API does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := rand.Text()
	answer, err := s.route(r)
	status := http.StatusOK
	if err != nil {
		status = http.StatusInternalServerError
		var no refusal
		if errors.As(err, &no) {
			status = no.status
		}
	}
	s.remember(r, status)
	if raw, ok := answer.([]byte); ok && err == nil {
		w.Header().Set("Content-Type", "text/plain")
		w.Write(raw) // an error here is the client's
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	var body any = map[string]any{"errors": []string{}}
	switch resp, ok := answer.(*logical.HTTPResponse); {
	case err != nil:
		body = map[string]any{"errors": []string{err.Error()}}
	case ok:
		resp.RequestID = id
		body = resp
	}
	json.NewEncoder(w).Encode(body)
}

func (s *Server) remember(r *http.Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == maxCalls {
		s.calls = s.calls[1:]
	}
	s.calls = append(s.calls, Call{
		Method: r.Method, Path: r.URL.Path, Status: strconv.Itoa(status),
		Correlation: r.Header.Get("X-Correlation-Id"), Namespace: r.Header.Get("X-Vault-Namespace"),
	})
}

// route gives []byte for a raw answer, or *logical.HTTPResponse.
func (s *Server) route(r *http.Request) (any, error) {
	if s.isSealed() {
		return nil, errSealed
	}
	data, err := readBody(r)
	if err != nil {
		return nil, err
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/")
	if !ok {
		return nil, errRoute
	}
	switch path {
	case "sys/health":
		return &logical.HTTPResponse{Data: map[string]any{"initialized": true, "sealed": false}}, nil
	case "auth/approle/login":
		return s.appRole(data)
	}
	token := r.Header.Get("X-Vault-Token")
	below, ok := strings.CutPrefix(path, s.cfg.Mount+"/")
	if ok && below == "public_key" { // unauthenticated in Vault too
		return s.engine(r, below, data)
	}
	ends, known := s.tokenEnd(token)
	switch {
	case !known:
		return nil, errToken
	case path == "auth/token/lookup-self" && r.Method == http.MethodGet:
		return lookupSelf(token, ends), nil
	case path == "auth/token/renew-self":
		return s.renewSelf(token)
	case token != s.Root && !(ok && strings.HasPrefix(below, "sign/")):
		return nil, errACL
	case !ok:
		return nil, errRoute
	}
	return s.engine(r, below, data)
}

func (s *Server) isSealed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sealed
}

func readBody(r *http.Request) (map[string]any, error) {
	data := map[string]any{}
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	dec.UseNumber()
	if err := dec.Decode(&data); err != nil && !errors.Is(err, io.EOF) {
		return nil, refusal{http.StatusBadRequest, "failed to parse JSON input: " + err.Error()}
	}
	return data, nil
}

// engine passes a request to Vault's own code.
func (s *Server) engine(r *http.Request, path string, data map[string]any) (any, error) {
	op := map[string]logical.Operation{
		http.MethodGet: logical.ReadOperation, http.MethodPut: logical.UpdateOperation,
		http.MethodPost: logical.UpdateOperation, http.MethodDelete: logical.DeleteOperation,
	}[r.Method]
	resp, err := s.call(r.Context(), op, path, data)
	// Vault's own rules from an error of an engine to a status.
	status, err := logical.RespondErrorCommon(&logical.Request{Operation: op}, resp, err)
	switch {
	case err != nil:
		if status == 0 {
			status = http.StatusInternalServerError
		}
		return nil, refusal{status, err.Error()}
	case status != 0:
		return nil, refusal{status, ""}
	case resp == nil:
		return &logical.HTTPResponse{}, nil
	}
	if raw, ok := resp.Data[logical.HTTPRawBody].([]byte); ok {
		return raw, nil
	}
	return logical.LogicalResponseToHTTPResponse(resp), nil
}

func (s *Server) appRole(data map[string]any) (any, error) {
	if data["role_id"] != s.RoleID || data["secret_id"] != s.SecretID {
		return nil, refusal{http.StatusBadRequest, "invalid role or secret ID"}
	}
	token := "hvs." + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = time.Now().Add(s.cfg.TokenTTL)
	return s.auth(token), nil
}

// auth is the answer to a login or renewal.
func (s *Server) auth(token string) *logical.HTTPResponse {
	return &logical.HTTPResponse{Auth: &logical.HTTPAuth{
		ClientToken: token, Policies: []string{"default", "sallyport"}, TokenType: "service",
		LeaseDuration: int(s.cfg.TokenTTL.Seconds()), Renewable: true,
	}}
}

// tokenEnd is when a token ends; never, for the root token, is the zero time.
func (s *Server) tokenEnd(token string) (ends time.Time, known bool) {
	if token == s.Root {
		return time.Time{}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ends, known = s.tokens[token]
	return ends, known && time.Now().Before(ends)
}

func lookupSelf(token string, ends time.Time) *logical.HTTPResponse {
	ttl := 0
	if !ends.IsZero() {
		ttl = int(time.Until(ends).Seconds())
	}
	return &logical.HTTPResponse{Data: map[string]any{"id": token, "ttl": ttl, "renewable": !ends.IsZero()}}
}

func (s *Server) renewSelf(token string) (any, error) {
	if token == s.Root {
		return nil, refusal{http.StatusBadRequest, "lease is not renewable"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.tokens[token]; !ok {
		return nil, errToken
	}
	s.tokens[token] = time.Now().Add(s.cfg.TokenTTL)
	return s.auth(token), nil
}
