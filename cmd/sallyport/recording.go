package main

import (
	"github.com/prometheus/client_golang/prometheus"
)

var (
	recFailed   = prometheus.NewDesc("sallyport_recordings_failed_total", "Recordings that failed, each once at a stage, by why.", []string{"at", "cause"}, nil)
	recGaps     = prometheus.NewDesc("sallyport_recording_gaps_total", "Gaps of recordings that went on after a failure (recording.on_failure: warn), when they were over.", nil, nil)
	recGapBytes = prometheus.NewDesc("sallyport_recording_gap_bytes_total", "Bytes that passed unrecorded in those gaps.", nil, nil)
	recUnsealed = prometheus.NewDesc("sallyport_recordings_unsealed", "Recordings of ended sessions that could not be sealed so far.", nil, nil)
	recFree     = prometheus.NewDesc("sallyport_recordings_free_bytes", "Free space of the recordings disk.", nil, nil)
	recMinFree  = prometheus.NewDesc("sallyport_recordings_min_free_bytes", "Below this much free space new sessions are refused (recording.min_free).", nil, nil)
	recReserve  = prometheus.NewDesc("sallyport_recordings_reserve_bytes", "Space set aside for live sessions; 0 once it was given up.", nil, nil)
)

// recordingMetrics are those of collectRecordings.
var recordingMetrics = []*prometheus.Desc{recFailed, recGaps, recGapBytes, recUnsealed, recFree, recMinFree, recReserve}

// collectRecordings tells how recording goes. A disk that cannot be asked has
// no free space to tell of; the counters are there all the same.
func (m *metrics) collectRecordings(out chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, float64(v), labels...)
	}
	h, err := m.house.recorder.Health()
	for f, n := range h.Failed {
		send(recFailed, prometheus.CounterValue, n, string(f.At), string(f.Cause))
	}
	send(recGaps, prometheus.CounterValue, h.Gaps)
	send(recGapBytes, prometheus.CounterValue, h.GapBytes)
	send(recUnsealed, prometheus.GaugeValue, int64(h.Unsealed))
	send(recReserve, prometheus.GaugeValue, h.Reserve)
	send(recMinFree, prometheus.GaugeValue, int64(m.house.config.Recording.MinFree))
	if err == nil {
		send(recFree, prometheus.GaugeValue, h.Free)
	}
}
