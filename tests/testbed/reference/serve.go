// The reference servers. They decide nothing about placement: they mark what an
// extender in Go costs at three depths of reading. Every path gets one answer.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	extenderv1 "k8s.io/kube-scheduler/extender/v1"
)

// warmSuffix ends the names of the nodes that `schedule` makes warm with its
// default 10 of 1,000: every hundredth.
const warmSuffix = "00"

// warmScore is the highest score an extender may give.
const warmScore = extenderv1.MaxExtenderPriority

// modes maps -mode to its handler.
var modes = map[string]http.HandlerFunc{
	"null":  answerNothing,
	"typed": answerZeros,
	"warm":  answerWarm,
}

func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	mode := flags.String("mode", "typed", "null: '[]', nothing read; typed: upstream types in, zeros out; warm: names only, 10 for those ending in "+warmSuffix)
	addr := flags.String("addr", "127.0.0.1:9999", "address to listen on; port 0 takes a free one")
	flags.Parse(args)
	handler, known := modes[*mode]
	if !known {
		return fmt.Errorf("unknown mode %q", *mode)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "serving %s on http://%s\n", *mode, listener.Addr())
	return http.Serve(listener, handler)
}

// answerNothing is the floor for any extender: the request is drained, not read.
func answerNothing(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte("[]"))
}

// answerZeros is what an extender built on the upstream types pays before it
// has decided anything.
func answerZeros(w http.ResponseWriter, r *http.Request) {
	var request extenderv1.ExtenderArgs
	if !decode(w, r, &request) {
		return
	}
	answer := extenderv1.HostPriorityList{}
	if request.NodeNames != nil {
		for _, name := range *request.NodeNames {
			answer = append(answer, extenderv1.HostPriority{Host: name})
		}
	} else if request.Nodes != nil {
		for i := range request.Nodes.Items {
			answer = append(answer, extenderv1.HostPriority{Host: request.Nodes.Items[i].Name})
		}
	}
	encode(w, answer)
}

// answerWarm reads the names alone and favours the nodes that hold the image.
func answerWarm(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Pod       json.RawMessage
		NodeNames []string
	}
	if !decode(w, r, &request) {
		return
	}
	answer := extenderv1.HostPriorityList{}
	for _, name := range request.NodeNames {
		if strings.HasSuffix(name, warmSuffix) {
			answer = append(answer, extenderv1.HostPriority{Host: name, Score: warmScore})
		}
	}
	encode(w, answer)
}

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func encode(w http.ResponseWriter, answer extenderv1.HostPriorityList) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}
