package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// chromium is a browser without a window that shows one page. It is told what
// to do over a pipe, in the DevTools protocol: a JSON message, then a zero.
type chromium struct {
	cmd     *exec.Cmd
	to      *os.File
	from    *bufio.Reader
	last    int    // message
	session string // of the page
}

// startChromium starts one with a profile in dir.
func startChromium(dir string, width, height int) (*chromium, error) {
	theirs, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	from, answers, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirs.Close(), to.Close())
	}
	c := &chromium{to: to, from: bufio.NewReader(from)}
	c.cmd = exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-extensions", "--disable-background-networking", "--hide-scrollbars",
		"--user-data-dir="+dir, fmt.Sprintf("--window-size=%d,%d", width, height), "--remote-debugging-pipe", "about:blank")
	c.cmd.ExtraFiles = []*os.File{theirs, answers} // 3 and 4, where it looks for them
	c.cmd.Env = append(os.Environ(), "HOME="+dir)
	err = errors.Join(c.cmd.Start(), theirs.Close(), answers.Close())
	if err != nil {
		return nil, errors.Join(err, to.Close(), from.Close())
	}
	return c, c.attach()
}

// attach finds the page that it began with.
func (c *chromium) attach() error {
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	if err := c.call("Target.getTargets", nil, &targets); err != nil {
		return err
	}
	for _, target := range targets.TargetInfos {
		if target.Type == "page" {
			var got struct{ SessionID string }
			err := c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &got)
			c.session = got.SessionID
			return err
		}
	}
	return errors.New("chromium shows no page")
}

// call calls a method of the protocol and waits for its answer.
func (c *chromium) call(method string, params map[string]any, into any) error {
	hung := time.AfterFunc(patience, func() { _ = c.cmd.Process.Kill() }) // then the answer ends
	defer hung.Stop()
	c.last++
	if params == nil {
		params = map[string]any{}
	}
	message := map[string]any{"id": c.last, "method": method, "params": params}
	if c.session != "" {
		message["sessionId"] = c.session
	}
	text, err := json.Marshal(message)
	if err == nil {
		_, err = c.to.Write(append(text, 0))
	}
	for err == nil {
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if text, err = c.from.ReadBytes(0); err != nil {
			break
		}
		if err = json.Unmarshal(text[:len(text)-1], &answer); err != nil || answer.ID != c.last {
			continue // an event
		}
		if answer.Error != nil {
			return fmt.Errorf("chromium: %s: %s", method, answer.Error.Message)
		}
		if into == nil {
			return nil
		}
		return json.Unmarshal(answer.Result, into)
	}
	return fmt.Errorf("chromium: %s: %w", method, err)
}

// open opens a page and waits until it has loaded.
func (c *chromium) open(url string) error {
	var gone struct{ ErrorText string }
	if err := c.call("Page.navigate", map[string]any{"url": url}, &gone); err != nil {
		return err
	}
	if gone.ErrorText != "" {
		return fmt.Errorf("chromium: %s: %s", url, gone.ErrorText)
	}
	return c.run(`new Promise(done => document.readyState == "complete" ? done() : addEventListener("load", () => done()))`, nil)
}

// run evaluates JavaScript in the page and waits for its promise.
func (c *chromium) run(program string, into any) error {
	var got struct {
		Result struct {
			Value json.RawMessage
		}
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := c.call("Runtime.evaluate", map[string]any{"expression": program, "awaitPromise": true, "returnByValue": true}, &got)
	if err != nil {
		return err
	}
	if x := got.ExceptionDetails; x != nil {
		return fmt.Errorf("chromium: %s %s", x.Text, x.Exception.Description)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(got.Result.Value, into)
}

// picture keeps what the page looks like.
func (c *chromium) picture(file string) error {
	var got struct{ Data string }
	if err := c.call("Page.captureScreenshot", map[string]any{"format": "png"}, &got); err != nil {
		return err
	}
	png, err := base64.StdEncoding.DecodeString(got.Data)
	if err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o644)
}

// close ends it.
func (c *chromium) close() error {
	c.session = ""
	err := c.call("Browser.close", nil, nil)
	if errors.Is(err, io.EOF) {
		err = nil // it was quicker than its answer
	}
	hung := time.AfterFunc(patience, func() { _ = c.cmd.Process.Kill() })
	defer hung.Stop()
	return errors.Join(err, c.to.Close(), c.cmd.Wait())
}
