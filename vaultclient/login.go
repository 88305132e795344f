package vaultclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/api"
)

// login obtains a token. It gets a client that has none, and reads its
// secrets each time. It is called by one goroutine.
type login interface {
	logIn(ctx context.Context, c *api.Client) (*api.Secret, error)
}

// login is the one for a valid configuration.
func (a Auth) login() login {
	path := "auth/" + a.Mount + "/login"
	switch a.Method {
	case MethodToken:
		return tokenLogin{a.Token}
	case MethodAppRole:
		return &appRoleLogin{path: path, roleID: a.RoleID, secretID: a.SecretID, wrapped: a.Wrapped}
	case MethodKubernetes, MethodJWT:
		return jwtLogin{path: path, role: a.Role, jwt: a.JWT}
	default:
		return certLogin{path: path, name: a.Role}
	}
}

// tokenLogin uses a token that somebody else obtained, such as an agent.
type tokenLogin struct{ token Secret }

func (l tokenLogin) logIn(ctx context.Context, c *api.Client) (*api.Secret, error) {
	token, err := l.token()
	if err != nil {
		return nil, misconfigured(err)
	}
	c.SetToken(token)
	self, err := c.Auth().Token().LookupSelfWithContext(ctx)
	if err != nil {
		return nil, err
	}
	ttl, err := self.TokenTTL()
	if err != nil {
		return nil, fmt.Errorf("the token's remaining time: %w", err)
	}
	renewable, err := self.TokenIsRenewable()
	if err != nil {
		return nil, fmt.Errorf("whether the token is renewable: %w", err)
	}
	return &api.Secret{Auth: &api.SecretAuth{
		ClientToken: token, LeaseDuration: int(ttl.Seconds()), Renewable: renewable,
	}}, nil
}

// appRoleLogin logs in with a role ID and a secret ID, which may be wrapped:
// then it can be unwrapped once, and whoever intercepted it before made that
// fail.
type appRoleLogin struct {
	path             string
	roleID, secretID Secret
	wrapped          bool

	// The wrapping token used last, and what was in it: a later login under
	// the same configuration cannot unwrap it again.
	unwrappedFrom, unwrapped string
}

func (l *appRoleLogin) logIn(ctx context.Context, c *api.Client) (*api.Secret, error) {
	roleID, err := l.roleID()
	if err != nil {
		return nil, misconfigured(err)
	}
	secretID, err := l.secretID()
	if err != nil {
		return nil, misconfigured(err)
	}
	if l.wrapped {
		if secretID, err = l.unwrap(ctx, c, secretID); err != nil {
			return nil, err
		}
	}
	return c.Logical().WriteWithContext(ctx, l.path, map[string]any{"role_id": roleID, "secret_id": secretID})
}

func (l *appRoleLogin) unwrap(ctx context.Context, c *api.Client, token string) (string, error) {
	if token == l.unwrappedFrom {
		return l.unwrapped, nil
	}
	defer c.ClearToken() // unwrapping sets it
	s, err := c.Logical().UnwrapWithContext(ctx, token)
	if err != nil {
		return "", fmt.Errorf("unwrapping the secret ID (was it unwrapped by somebody else?): %w", err)
	}
	if s == nil {
		return "", errors.New("unwrapping the secret ID: nothing in it")
	}
	secretID, ok := s.Data["secret_id"].(string)
	if !ok {
		return "", errors.New("unwrapping: what is wrapped is no secret ID")
	}
	l.unwrappedFrom, l.unwrapped = token, secretID
	return secretID, nil
}

// jwtLogin logs in with a workload's token, of Kubernetes or of any OIDC
// issuer: both methods take the same two fields.
type jwtLogin struct {
	path, role string
	jwt        Secret
}

func (l jwtLogin) logIn(ctx context.Context, c *api.Client) (*api.Secret, error) {
	jwt, err := l.jwt()
	if err != nil {
		return nil, misconfigured(err)
	}
	return c.Logical().WriteWithContext(ctx, l.path, map[string]any{"role": l.role, "jwt": jwt})
}

// certLogin logs in with the client certificate of the TLS connection.
type certLogin struct{ path, name string }

func (l certLogin) logIn(ctx context.Context, c *api.Client) (*api.Secret, error) {
	fields := map[string]any{}
	if l.name != "" {
		fields["name"] = l.name
	}
	return c.Logical().WriteWithContext(ctx, l.path, fields)
}
