package main

import (
	"context"

	_ "time/tzdata" // for the conditions of rules, on machines that have none

	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/internal/oncall"
	"github.com/sallyport/sallyport/policy"
)

// onCall fits the hooks of the access file to those who ask them.
func onCall(desk *oncall.Desk) approvals.OnCall {
	return func(ctx context.Context, hook policy.OnCall) ([]string, error) {
		return desk.Ask(ctx, oncall.Hook(hook))
	}
}
