//go:build race

package recorder_test

// raceDetector makes pools drop what they hold now and then.
const raceDetector = true
