package slacktest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Config describes the workspace and how the server behaves. The zero value of each field has a
// sensible meaning; tokens and the signing secret are random when left empty.
type Config struct {
	// Listen is the address to listen on; default 127.0.0.1:0. Anything but loopback is refused.
	Listen string

	Team     Team
	Bot      Bot
	Users    []User
	Channels []Channel
	// Commands are the slash commands the app registered, each with its slash.
	Commands []string

	BotToken, AppToken, SigningSecret string
	// Scopes the bot token has; default chat:write, users:read and commands.
	Scopes []string

	// AckWithin is how long the app has to acknowledge; Slack's 3 s by default.
	AckWithin time.Duration
	// TriggerTTL is the life of a trigger_id; Slack's 3 s by default.
	TriggerTTL time.Duration
	// PingEvery is the pause between websocket pings; 5 s by default (clients give up after 30 s).
	PingEvery time.Duration

	// Now is the clock for timestamps, expiry and signatures; default time.Now.
	Now func() time.Time
	// Log receives one line per call and delivery, never tokens or message text; default discards.
	Log *slog.Logger
}

// Team is the workspace.
type Team struct {
	ID     string // default T0SALLYPORT
	Name   string // default "Sallyport demo"
	Domain string // default sallyport-demo
}

// Bot is the app's identity in the workspace.
type Bot struct {
	UserID string // default U0SALLYPORT
	BotID  string // default B0SALLYPORT
	AppID  string // default A0SALLYPORT
	Name   string // default Sallyport
}

// Server is a running fake Slack. All methods are safe for concurrent use.
type Server struct {
	cfg       Config
	ws        *workspace
	sockets   *socketHub
	faults    *faults
	journal   *journal
	targets   targets
	gate      gate
	client    *http.Client
	http      *http.Server
	addr      string
	pageToken string
	streams   chan struct{} // one slot for each live page stream

	done    context.Context // cancelled by Close: ends sockets and streams
	stop    context.CancelFunc
	serving sync.WaitGroup
}

// Start listens and serves until Close.
func Start(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	ln, err := listenLoopback(cfg.Listen)
	if err != nil {
		return nil, err
	}
	ws, err := newWorkspace(cfg)
	if err != nil {
		ln.Close()
		return nil, err
	}
	s := &Server{
		cfg:       cfg,
		ws:        ws,
		faults:    &faults{},
		journal:   &journal{},
		client:    deliveryClient(),
		addr:      ln.Addr().String(),
		pageToken: rand.Text(),
		streams:   make(chan struct{}, maxStreams),
	}
	s.sockets = newSocketHub(s.addr, cfg)
	s.done, s.stop = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	s.serving.Go(func() {
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error("fake Slack stopped serving", "err", err)
		}
	})
	return s, nil
}

// Close stops the server and every connection to it.
func (s *Server) Close() error {
	s.stop()
	s.sockets.closeAll()
	err := s.http.Close()
	s.serving.Wait()
	s.client.CloseIdleConnections()
	return err
}

// URL is the page's address, without a trailing slash.
func (s *Server) URL() string { return "http://" + s.addr }

// APIURL is the Web API's base, with the trailing slash that Slack libraries want.
func (s *Server) APIURL() string { return s.URL() + "/api/" }

// BotToken is the xoxb token the app must present.
func (s *Server) BotToken() string { return s.cfg.BotToken }

// AppToken is the xapp token that opens Socket Mode connections.
func (s *Server) AppToken() string { return s.cfg.AppToken }

// SigningSecret signs HTTP deliveries.
func (s *Server) SigningSecret() string { return s.cfg.SigningSecret }

// Team tells which workspace this is.
func (s *Server) Team() Team { return s.cfg.Team }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveAPI)
	mux.HandleFunc("GET /link", s.serveSocket)
	mux.HandleFunc("POST /actions/{id}", s.serveResponseURL)
	s.routePage(mux)
	return s.onlyOurHost(mux)
}

// listenLoopback refuses any address another machine could reach: a click on the page approves.
func listenLoopback(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("slacktest: listen address %q: %w", addr, err)
	}
	if !isLoopback(host) {
		return nil, fmt.Errorf("slacktest: %q is not a loopback address; the stand-in for Slack serves this machine only", addr)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("slacktest: %w", err)
	}
	return ln, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

func (c Config) withDefaults() Config {
	text := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	span := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	text(&c.Listen, "127.0.0.1:0")
	text(&c.Team.ID, "T0SALLYPORT")
	text(&c.Team.Name, "Sallyport demo")
	text(&c.Team.Domain, "sallyport-demo")
	text(&c.Bot.UserID, "U0SALLYPORT")
	text(&c.Bot.BotID, "B0SALLYPORT")
	text(&c.Bot.AppID, "A0SALLYPORT")
	text(&c.Bot.Name, "Sallyport")
	text(&c.BotToken, "xoxb-"+rand.Text())
	text(&c.AppToken, "xapp-"+rand.Text())
	text(&c.SigningSecret, rand.Text())
	span(&c.AckWithin, 3*time.Second)
	span(&c.TriggerTTL, 3*time.Second)
	span(&c.PingEvery, 5*time.Second)
	if c.Scopes == nil {
		c.Scopes = []string{"chat:write", "users:read", "commands"}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
