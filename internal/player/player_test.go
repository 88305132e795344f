package player_test

import (
	"strings"
	"testing"

	"github.com/sallyport/sallyport/internal/player"
)

// Nothing of a recording or of its facts gets out of where it stands.
func TestPageHoldsHostileText(t *testing.T) {
	const hostile = `</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>"; alert(1); "\`
	var b strings.Builder
	err := player.Write(&b, player.Page{
		Title: hostile, Facts: [][2]string{{"command", hostile}, {"empty", ""}},
		Cast: strings.NewReader("{\"version\": 2}\n[0.1, \"o\", \"" + hostile + "\x1b\u2028\"]\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if n := strings.Count(page, "alert(1)"); n != 12 {
		t.Errorf("%d alerts: the test is about 12 that stand as text", n)
	}
	_, script, _ := strings.Cut(page, "const cast = \"")
	script, _, _ = strings.Cut(script, "\nconst idle")
	if strings.ContainsAny(script, "<>&\n\x1b") || strings.Count(strings.ReplaceAll(strings.ReplaceAll(script, `\\`, ""), `\"`, ""), `"`) != 1 {
		t.Errorf("the recording can end its string: %s", script)
	}
	head, _, _ := strings.Cut(page, `<div id="player">`)
	_, head, _ = strings.Cut(head, "<h1>")
	if strings.Contains(head, "<img") || strings.Contains(head, "<script") {
		t.Errorf("facts are more than text: %s", head)
	}
	if strings.Contains(page, "<dt>empty") || strings.Contains(page, "http://") && strings.Contains(page, "src=\"http") {
		t.Error("the page says nothing of what there is not, and loads nothing")
	}
}
