package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// docs/operations.md tells of every metric, and of no other.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, metricsOn, _ := strings.Cut(string(page), "**Metrics**")
	told := map[string]bool{}
	for _, name := range regexp.MustCompile(`\bsallyport_[a-z_.]+\b`).FindAllString(metricsOn, -1) {
		if !strings.Contains(name, ".") { // then it is a file
			told[name] = true
		}
	}
	descs := make(chan *prometheus.Desc, 100)
	(&metrics{}).Describe(descs)
	close(descs)
	var names []string
	for d := range descs {
		name := regexp.MustCompile(`fqName: "([a-z_]+)"`).FindStringSubmatch(d.String())[1]
		names = append(names, name)
		if !told[name] {
			t.Errorf("%s is not documented", name)
		}
	}
	for name := range told {
		if !slices.Contains(names, name) {
			t.Errorf("there is no metric %s", name)
		}
	}
}
