// Package slacktest is a Slack that fits on loopback: enough of the real protocol, over HTTP and
// websocket, that an unchanged Slack library works against it and cannot tell.
//
// It owns a workspace (people, channels, messages, modals), the Web API under /api/, Socket Mode,
// signed HTTP deliveries, response URLs, and a web page that stands in for the Slack app: pick who
// you are, read the cards, press the buttons. Tests drive it through [Server.Click],
// [Server.SubmitView], [Server.SlashCommand] and the Wait methods, and break it through
// [Server.Inject] and [Server.InjectDelivery]. `sallyport demo` runs the same code.
//
// It refuses what Slack refuses (illegal Block Kit, wrong tokens, missing scopes, spent triggers), so
// that a test fails here rather than a customer's workspace there. It refuses to listen anywhere but
// on loopback, and its page takes no request that another web site could have caused.
//
// It knows nothing of Sallyport and does not import a Slack library: a shared mistake would hide.
// Limits and error names follow docs.slack.dev (reference/block-kit, reference/methods,
// apis/events-api/using-socket-mode, authentication/verifying-requests-from-slack).
//
// Start reading at [Start], then workspace.go for the model and delivery.go for how a click travels.
package slacktest
