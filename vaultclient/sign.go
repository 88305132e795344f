package vaultclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/hashicorp/vault/api"
	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
)

// maxCertificate bounds a signed key in an answer, in bytes.
const maxCertificate = 64 << 10

// Issue implements [certs.Issuer]: PUT {mount}/sign/{role}, within 5 s, with
// everything named that Vault would otherwise fill in from defaults. It needs
// `update` on that path only. The error is an [*access.Error] caused by a
// [*Fault], or ctx's own cause when who waited is gone.
func (c *Client) Issue(ctx context.Context, o certs.Order) (certs.Issued, error) {
	role, err := c.role.name(o.Host, o.Login)
	if err != nil {
		fault := &Fault{Misset, err}
		c.count(fault)
		return certs.Issued{}, fault.forPerson()
	}
	bounded, cancel := context.WithTimeout(ctx, c.deadline)
	defer cancel()
	issued, err := c.signWithToken(bounded, role, o)
	switch {
	case ctx.Err() != nil:
		return certs.Issued{}, context.Cause(ctx)
	case err != nil:
		fault := faultOf(bounded, err)
		c.note(fault)
		c.count(fault)
		return certs.Issued{}, fault.forPerson()
	}
	c.note(nil)
	c.count(nil)
	return issued, nil
}

// signWithToken signs, once more with a new token if the old one is at its
// end: Vault answers 403 to both that and a path that is not permitted.
func (c *Client) signWithToken(ctx context.Context, role string, o certs.Order) (certs.Issued, error) {
	token, err := c.currentToken(ctx)
	if err != nil {
		return certs.Issued{}, err
	}
	issued, err := c.sign(ctx, role, o)
	if err == nil {
		return issued, nil
	}
	if fault := faultOf(ctx, err); fault.State != Denied || !c.tokenEnded(ctx, token, fault) {
		return certs.Issued{}, err
	}
	if _, err := c.currentToken(ctx); err != nil {
		return certs.Issued{}, err
	}
	return c.sign(ctx, role, o)
}

func (c *Client) sign(ctx context.Context, role string, o certs.Order) (certs.Issued, error) {
	extensions := map[string]string{}
	for _, e := range o.Extensions {
		extensions[e] = ""
	}
	options := map[string]string{}
	if v := o.SourceAddressValue(); v != "" {
		options["source-address"] = v
	}
	secret, err := c.api.Logical().WriteWithRequest(ctx, api.NewLogicalWriteRequest(
		c.mount+"/sign/"+role,
		map[string]any{
			"public_key":       certs.AuthorizedLine(o.Key, ""),
			"cert_type":        "user",
			"valid_principals": o.Login,
			"key_id":           o.KeyID,
			"ttl":              fmt.Sprintf("%ds", int64(o.TTL.Seconds())), // whole: Vault makes 0 of 500ms
			"critical_options": options,
			"extensions":       extensions,
		},
		// In Vault's audit log in clear by default: grant and session.
		http.Header{"X-Correlation-Id": {o.KeyID}},
	))
	if err != nil {
		return certs.Issued{}, err
	}
	if secret == nil {
		return certs.Issued{}, &Fault{Garbled, errors.New("an empty answer")}
	}
	cert, err := parseCertificate(secret.Data["signed_key"])
	if err != nil {
		return certs.Issued{}, &Fault{Garbled, err}
	}
	return certs.Issued{Certificate: cert, RequestID: access.Plain(secret.RequestID, 64)}, nil
}

// parseCertificate reads signed_key: one line in authorized_keys form.
func parseCertificate(field any) (*ssh.Certificate, error) {
	text, ok := field.(string)
	switch {
	case !ok:
		return nil, errors.New("an answer without signed_key")
	case len(text) > maxCertificate:
		return nil, fmt.Errorf("a signed_key of %d bytes", len(text))
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(text))
	switch {
	case err != nil:
		return nil, fmt.Errorf("signed_key: %w", err)
	case len(options) > 0 || len(rest) > 0:
		return nil, errors.New("signed_key holds more than one certificate")
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("signed_key is a plain %s", key.Type())
	}
	return cert, nil
}

// fetchCA asks the mount for its CA: {mount}/public_key needs no permission.
func (c *Client) fetchCA(ctx context.Context) (ssh.PublicKey, error) {
	resp, err := c.api.Logical().ReadRawWithContext(ctx, c.mount+"/public_key")
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		// The mount exists only with a CA in it: 400 and 404 say it has none.
		if fault := faultOf(ctx, err); fault.State != Rejected {
			return nil, fault
		}
		return nil, &Fault{NoEngine, err}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxCertificate))
	if err != nil {
		return nil, err
	}
	keys, err := certs.ParseAuthorities(text)
	switch {
	case err != nil:
		return nil, &Fault{Garbled, fmt.Errorf("%s/public_key: %w", c.mount, err)}
	case len(keys) != 1:
		return nil, &Fault{NoEngine, fmt.Errorf("%s/public_key: %d keys", c.mount, len(keys))}
	}
	return keys[0], nil
}
