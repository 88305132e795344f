package access

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FileAction is what was done to a file of a host.
type FileAction string

const (
	FilePut     FileAction = "put"     // content to the host
	FileGet     FileAction = "get"     // content from the host
	FileRename  FileAction = "rename"  // Path became To
	FileRemove  FileAction = "remove"  //
	FileMkdir   FileAction = "mkdir"   //
	FileRmdir   FileAction = "rmdir"   //
	FileSymlink FileAction = "symlink" // Path now points to To
	FileLink    FileAction = "link"    // Path is now another name of To
	FileSetstat FileAction = "setstat" // mode, owner, times or size; Detail tells
	FileCopy    FileAction = "copy"    // on the host itself, Path to To
	FileOther   FileAction = "other"   // a request that we don't know; Detail tells
	// FileOpaque: from here on the session is not understood, and the ledger
	// tells no more of it. Detail says why.
	FileOpaque FileAction = "opaque"
)

// fileActions are all there are.
var fileActions = []FileAction{FilePut, FileGet, FileRename, FileRemove, FileMkdir, FileRmdir, FileSymlink, FileLink, FileSetstat, FileCopy, FileOther, FileOpaque}

// FileActionOf gives the action of a line that [Transfer.String] wrote; ok is
// false of any other text.
func FileActionOf(line string) (action FileAction, ok bool) {
	word, _, more := strings.Cut(line, " ")
	return FileAction(word), more && slices.Contains(fileActions, FileAction(word))
}

// Results of a [Transfer] that are no status of the host.
const (
	FileOK         = "ok"
	FileUnfinished = "unfinished" // the session ended, or was no longer understood, before the host's last answer
)

// Transfer is an entry of the ledger of files: one thing that a session did
// to a file of its host over SFTP or scp. Paths and details are content: what
// a person and a host wrote, to be escaped wherever they are shown.
type Transfer struct {
	Session SessionID
	Place   int64         // offset of its line in events.ndjson; orders those of a session
	At      time.Duration // since the session's start
	Action  FileAction
	Path    string // as the client named it; bytes that are no UTF-8 as \xNN
	To      string // the second path, where there is one
	Bytes   int64  // of content that passed
	Mode    string // octal, such as 0644; empty when nobody said
	// SHA256 of the content that passed, in hexadecimal, if it passed once
	// and in order from the beginning of the file; else empty.
	SHA256 string
	// Partial: what passed is not known to be the file as a whole. With a
	// SHA256 it is its beginning; else Detail tells which bytes.
	Partial bool
	Result  string // "ok", or why not
	Detail  string
}

// Direction is "to host", "from host", or empty where no content passed.
func (t Transfer) Direction() string {
	switch t.Action {
	case FilePut:
		return "to host"
	case FileGet:
		return "from host"
	}
	return ""
}

// String tells the entry in one line without its digest:
// "put /root/a.bin 3.0 MiB ok". It is safe to show (invariant 10).
func (t Transfer) String() string {
	words := []string{string(t.Action)}
	if t.Path != "" {
		words = append(words, shownPath(t.Path))
	}
	if t.To != "" {
		words = append(words, "->", shownPath(t.To))
	}
	if t.Direction() != "" {
		words = append(words, shownBytes(t.Bytes))
	}
	if t.Partial {
		words = append(words, "partial")
	}
	if t.Detail != "" {
		words = append(words, "("+Plain(t.Detail, 300)+")")
	}
	if t.Result != "" {
		words = append(words, Plain(t.Result, 100))
	}
	return strings.Join(words, " ")
}

// shownPath leaves a plain path as it is and quotes any other, so that none
// passes for more than a path.
func shownPath(path string) string {
	const most = 1000 // bytes
	cut := ""
	if len(path) > most {
		path, cut = strings.ToValidUTF8(path[:most], ""), "…"
	}
	quoted := strconv.QuoteToGraphic(path)
	if strings.ContainsAny(path, ` "'()`) || quoted != `"`+path+`"` {
		return quoted + cut
	}
	return path + cut
}

func shownBytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n)/1024, 0
	for f >= 1023.95 && unit < 4 {
		f, unit = f/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGTP"[unit])
}

// TransferQuery selects entries of the ledger of files. Zero fields select
// everything. Those of one session come in the order in which they happened,
// those of many by session, the newest first.
type TransferQuery struct {
	Session SessionID
	Path    string // a glob (*, ?, [...]; * crosses slashes) on either path
	SHA256  string
	Action  FileAction
	After   *int64 // with Session, page: those whose Place is beyond this
	Limit   int    // 0 means 1000
}
