// Package recorder owns what a session leaves: the cast, its proof and its
// events, in one folder per session below the recordings directory. It writes
// them before anything is delivered, seals them with a signature, closes what
// a crash left open, reads them back and verifies them.
//
//	recordings/YYYY/MM/DD/ID/     0700
//	  session.cast                asciicast v2: header, then [seconds, code, text] lines
//	  session.idx                 the sidecar: chained blocks, bytes that were not UTF-8
//	  stdin.ndjson                input of a session without a terminal
//	  events.ndjson               what was done beyond the screen
//	  stdout.tail …               the last MiB of a stream that went beyond the limit
//	  manifest.json               at the end; its last line is the signature
//
// It refuses to know SSH, policy and SQL: the [Index] is an interface that
// the store implements. It never interprets content, draws nothing, and logs
// no byte of what it records. It does not classify content either: whatever
// looks like a file transfer or like text is recorded alike.
//
// Start reading at [Recorder.Start] and [Recording], which write; then
// sidecar.go, which tells the form of the proof; then [Verify].
package recorder
