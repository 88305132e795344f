// Package recorder owns what a session leaves: the cast, its proof and its
// events, in one folder per session below the recordings directory. It writes
// them before anything is delivered, seals them with a signature, closes what
// a crash left open, reads them back and verifies them.
//
//	recordings/YYYY/MM/DD/ID/     0700
//	  session.cast                asciicast v2: header, then [seconds, code, text] lines
//	  session.idx                 the sidecar: chained blocks, bytes that were not UTF-8
//	  stdin.ndjson                input of a session without a terminal; where a rule
//	                              asks for it, what was typed at one: see typed.go
//	  stdout.ndjson               output of an sftp session
//	  events.ndjson               what was done beyond the screen
//	  stdout.tail …               the last MiB of a stream that went beyond the limit
//	  manifest.json               at the end; its last line is the signature
//
// It refuses to know SSH, policy and SQL: the [Index] is an interface that
// the store implements. It never interprets content, draws nothing, and logs
// no byte of what it records. It does not classify content either: whatever
// looks like a file transfer or like text is recorded alike.
//
// Nobody can read the packets of an sftp session, so its cast shows the ledger
// of files instead ([Recording.Transfer]). Its raw output is recorded all the
// same, to the limit, then by digest and count: in a file of its own, as input
// always is, so that a gap in our understanding of the protocol leaves no gap
// in the evidence. The kind of the channel decides that, never the text of a
// command: legacy scp and rsync are exec like any other, their output in the
// cast as it came, with the ledger's lines among it, marked as ours in the
// sidecar. The index has the ledger too, made from events.ndjson, which is its
// queue and from which it can be made again.
//
// Start reading at [Recorder.Start] and [Recording], which write; then
// sidecar.go, which tells the form of the proof; then [Verify]; transfer.go is the ledger.
package recorder
