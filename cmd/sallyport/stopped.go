package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

// runStopped runs a command that needs no running server, on the data directory
// of one that is stopped and under the lock that it would hold: the same command
// with the same audit event. Of others it reports false.
func runStopped(ctx context.Context, named string, call console.Call) (exit int, ran bool, err error) {
	if len(call.Args) == 0 || call.Args[0] != "keys" {
		return 0, false, nil
	}
	config, _, err := loadConfig(configPath(named))
	if err != nil {
		return 0, true, err
	}
	if err := ownData(config.DataDir, "keys rotate"); err != nil {
		return 0, true, err
	}
	public, err := recorder.ReadKeys(config.keys())
	if err != nil {
		return 0, true, err
	}
	if len(public.Public()) == 0 {
		return 0, true, errors.New("there is no key in " + config.keys() + " yet: the first start of sallyport serve makes it")
	}
	lock, err := lockDir(config.DataDir)
	if err != nil {
		return 0, true, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // and unlocked with it
	if err := refuseForgetting(ctx, config); err != nil {
		return 0, true, err
	}
	s, err := store.Open(ctx, storeConfig(config))
	if err != nil {
		return 0, true, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	keys, err := recorder.LoadKeys(config.keys(), time.Now)
	if err != nil {
		return 0, true, err
	}
	c := console.New(console.Config{
		Store: s, Policy: policy.NewLive(&policy.Policy{}), Trust: keys.Trust, Keys: keys, Offers: []string{"keys"},
		BastionID: config.BastionID, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	return c.Run(ctx, call), true, nil
}
