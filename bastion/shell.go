package bastion

import (
	"net"

	gliderssh "github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/sys/cpu"
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

// algorithms is the offer to clients and to hosts. chacha20-poly1305 has no
// assembly on amd64 in x/crypto (a tenth of AES-GCM's speed), and on the
// client's leg the client's order wins: where the CPU has AES it is not
// offered at all.
func algorithms() gossh.Config {
	ciphers := []string{gossh.CipherAES128GCM, gossh.CipherAES256GCM, gossh.CipherAES128CTR, gossh.CipherAES192CTR, gossh.CipherAES256CTR}
	if !(cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ) && !(cpu.ARM64.HasAES && cpu.ARM64.HasPMULL) {
		ciphers = append([]string{gossh.CipherChaCha20Poly1305}, ciphers...)
	}
	return gossh.Config{Ciphers: ciphers}
}
