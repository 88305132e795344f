package bastion

import (
	"net"

	gliderssh "github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
)

// arrivalKey is where gliderlabs' per-connection context keeps the [arrival]
// between its callbacks, which share nothing else.
type arrivalKey struct{}

// newShell sets up gliderlabs/ssh as the shell of the server. None of its
// three authentication handlers is set: PublicKeyHandler runs on keys that are
// merely offered, and would replace our PublicKeyCallback. With none set it
// turns NoClientAuth on, hence a NoClientAuthCallback that refuses.
func (s *Server) newShell() *gliderssh.Server {
	return &gliderssh.Server{
		HostSigners: s.hostSigners(),
		Version:     version,
		ConnCallback: func(ctx gliderssh.Context, c net.Conn) net.Conn {
			a := s.arrive(c)
			if a == nil {
				return nil
			}
			ctx.SetValue(arrivalKey{}, a)
			return a
		},
		ServerConfigCallback: func(ctx gliderssh.Context) *gossh.ServerConfig {
			return s.outerConfig(arrivalOf(ctx))
		},
		ConnectionFailedCallback: func(c net.Conn, err error) { s.failed(c.RemoteAddr(), err) },
		ChannelHandlers: map[string]gliderssh.ChannelHandler{
			"default": func(_ *gliderssh.Server, sc *gossh.ServerConn, ch gossh.NewChannel, ctx gliderssh.Context) {
				arrivalOf(ctx).connection(ctx, s, sc).open(ch)
			},
		},
		RequestHandlers: map[string]gliderssh.RequestHandler{
			"default": func(ctx gliderssh.Context, _ *gliderssh.Server, r *gossh.Request) (bool, []byte) {
				if sc, ok := ctx.Value(gliderssh.ContextKeyConn).(*gossh.ServerConn); ok {
					// gliderlabs answers at once with what is returned
					// here, so it gets a request that wants no answer.
					taken := *r
					r.WantReply = false
					arrivalOf(ctx).connection(ctx, s, sc).globalRequest(&taken)
				}
				return false, nil
			},
		},
	}
}

func arrivalOf(ctx gliderssh.Context) *arrival { return ctx.Value(arrivalKey{}).(*arrival) }

func (s *Server) hostSigners() []gliderssh.Signer {
	signers := make([]gliderssh.Signer, len(s.HostKeys))
	for i, k := range s.HostKeys {
		signers[i] = k
	}
	return signers
}
