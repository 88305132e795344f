package screens_test

import (
	"testing"
	"unicode"

	"github.com/sallyport/sallyport/recorder/screens"
)

// Whatever regexp takes for one character in any case is one in the index.
func TestFold(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			if a, b := screens.Fold(string(r)), screens.Fold(string(other)); a != b {
				t.Errorf("%U and %U: %q and %q", r, other, a, b)
			}
		}
	}
}
