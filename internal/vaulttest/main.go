// Command vaulttest serves a Vault with the real SSH secrets engine on
// loopback, for end-to-end tests of the product, which must not depend on
// Vault's modules:
//
//	go build -C internal/vaulttest -o FILE .
//
// When it is ready it prints one line of JSON: address, token (all rights),
// role_id and secret_id (may only sign), mount, ca (authorized_keys form).
// It runs until it is interrupted; with -stdin also until its standard input
// ends, so that it cannot outlive the test that holds the other end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/sallyport/sallyport/internal/vaulttest/engine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vaulttest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("vaulttest", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address to serve on")
	mount := flags.String("mount", "ssh-client-signer", "mount of the SSH engine")
	logins := flags.String("logins", "root,postgres,deploy", "logins with a role sallyport-LOGIN, with commas between")
	maxTTL := flags.Duration("max-ttl", 5*time.Minute, "max_ttl of the roles")
	tokenTTL := flags.Duration("token-ttl", time.Hour, "life of tokens by AppRole")
	untilEOF := flags.Bool("stdin", false, "end when standard input does")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := engine.New(ctx, engine.Config{
		Mount: *mount, Logins: strings.Split(*logins, ","), MaxTTL: *maxTTL, TokenTTL: *tokenTTL,
	})
	if err != nil {
		return err
	}
	ca, err := server.CA(ctx)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(stdout).Encode(map[string]string{
		"address": "http://" + listener.Addr().String(), "token": server.Root, "mount": *mount,
		"role_id": server.RoleID, "secret_id": server.SecretID, "ca": ca,
	}); err != nil {
		return err
	}
	if !*untilEOF {
		stdin = nil
	}
	return serve(ctx, listener, server, stdin)
}

// serve runs until ctx ends, or stdin does, if given.
func serve(ctx context.Context, l net.Listener, h http.Handler, stdin io.Reader) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if stdin != nil {
		go func() {
			defer stop()
			io.Copy(io.Discard, stdin)
		}()
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { s.Close() })
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
