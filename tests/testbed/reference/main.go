// extender-reference is the measuring stick for an extender: servers to compare
// it with, a client that times it, and a load that shows what it costs a real
// scheduler. This file only picks the command; each command has its own file.
//
//	extender-reference serve    -mode null|typed|warm -addr A   a server to compare with
//	extender-reference call     -url U -body F [-n N]           the latency of one verb
//	extender-reference schedule -kubeconfig K [-pods N]         pods bound a second, and where
package main

import (
	"fmt"
	"os"
)

// commands maps the first argument to what it runs.
var commands = map[string]func(args []string) error{
	"serve":    serve,
	"call":     call,
	"schedule": schedule,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: extender-reference serve|call|schedule [flags]; -h after a command lists its flags")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "extender-reference:", err)
		os.Exit(1)
	}
}
