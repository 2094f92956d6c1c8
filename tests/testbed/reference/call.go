// Times one verb of an extender as kube-scheduler's client would call it: one
// keep-alive connection, one POST after the other. Leaves alone whether the
// scores are good; says only whether they are in range.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	extenderv1 "k8s.io/kube-scheduler/extender/v1"
)

// callTimeout is far over any sane answer (the scheduler's own default is 5 s):
// a hung server ends the measurement, a slow one is measured.
const callTimeout = 30 * time.Second

// target is one verb with the body it is sent.
type target struct {
	url    string
	body   []byte
	client *http.Client
}

func call(args []string) error {
	flags := flag.NewFlagSet("call", flag.ExitOnError)
	url := flags.String("url", "", "the verb to call")
	file := flags.String("body", "", "file with the request body")
	n := flags.Int("n", 5000, "calls measured")
	warm := flags.Int("warm", 200, "calls before those, not measured")
	label := flags.String("label", "", "what to call this line of output")
	flags.Parse(args)
	if *url == "" || *file == "" || *n < 1 {
		return errors.New("call needs -url, -body and -n of 1 or more")
	}
	body, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	t := target{url: *url, body: body, client: newClient()}
	if _, _, err := t.repeat(*warm); err != nil {
		return err
	}
	start := time.Now()
	times, answer, err := t.repeat(*n)
	if err != nil {
		return err
	}
	report(*label, len(body), answer, times, time.Since(start))
	return nil
}

// newClient trusts any certificate: it measures, and sends nothing secret.
func newClient() *http.Client {
	return &http.Client{Timeout: callTimeout, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: true,
	}}
}

// repeat calls n times and returns each call's time and the last answer.
func (t target) repeat(n int) ([]time.Duration, []byte, error) {
	times := make([]time.Duration, 0, n)
	var answer []byte
	for range n {
		start := time.Now()
		var err error
		if answer, err = t.once(); err != nil {
			return nil, nil, err
		}
		times = append(times, time.Since(start))
	}
	return times, answer, nil
}

func (t target) once() ([]byte, error) {
	request, err := http.NewRequest(http.MethodPost, t.url, bytes.NewReader(t.body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := t.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.200s", response.StatusCode, answer)
	}
	return answer, err
}

func report(label string, sent int, answer []byte, times []time.Duration, total time.Duration) {
	slices.Sort(times)
	at := func(share float64) int64 { return times[int(share*float64(len(times)-1))].Microseconds() }
	entries, nonzero, outside := tally(answer)
	fmt.Printf("%-28s request %8d B, reply %7d B, %5d entries (%d nonzero, %d outside 0..10)  p50 %6d us  p90 %6d  p99 %6d  max %7d  %7.0f/s\n",
		label, sent, len(answer), entries, nonzero, outside,
		at(.5), at(.9), at(.99), at(1), float64(len(times))/total.Seconds())
}

// tally counts the scores of an answer; entries is -1 where it is no score list.
func tally(answer []byte) (entries, nonzero, outside int) {
	var list extenderv1.HostPriorityList
	if json.Unmarshal(answer, &list) != nil {
		return -1, 0, 0
	}
	for _, host := range list {
		if host.Score != 0 {
			nonzero++
		}
		if host.Score < extenderv1.MinExtenderPriority || host.Score > extenderv1.MaxExtenderPriority {
			outside++
		}
	}
	return len(list), nonzero, outside
}
