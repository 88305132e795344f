// Package screens makes recordings findable: it plays them once through a
// terminal emulator, off the path of any session, and takes from the screen
// what searching and seeking need: the text that stood on it, with its moments
// ([Reading.Play]), and keyframes, from which playing can begin anywhere
// ([Keyframes]).
//
// It owns the form of session.kf, what counts as a line of text, how commands
// are made out in an interactive session, what a search pattern is, and the
// loop that indexes ended sessions in the background ([Indexer]). It refuses
// to know SQL: where text goes is the [Index]'s to say. Nothing it makes is
// evidence. All of it can be made again from the files that are, and session.kf
// is read as what anybody might have written.
//
// Start reading at [Reading.Play]; then text.go for what a line is.
package screens
