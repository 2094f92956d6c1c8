// Measures how many pods a second a real kube-scheduler binds, and where they
// land. Needs a control plane without kubelets and a running scheduler; starts
// neither, and leaves the nodes in place for the next run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// load is what one run asks of the scheduler.
type load struct {
	nodes, warm, pods, zones, others int
	id                               string
	image                            string
	size                             int64
}

func schedule(args []string) error {
	flags := flag.NewFlagSet("schedule", flag.ExitOnError)
	var l load
	kubeconfig := flags.String("kubeconfig", os.Getenv("KUBECONFIG"), "")
	flags.IntVar(&l.nodes, "nodes", 1000, "nodes; those that exist are kept as they are")
	flags.IntVar(&l.warm, "warm", 10, "nodes that hold the image, evenly spaced")
	flags.IntVar(&l.pods, "pods", 2000, "")
	flags.IntVar(&l.zones, "zones", 3, "")
	flags.IntVar(&l.others, "others", 30, "other images on each node")
	flags.StringVar(&l.image, "image", "registry.example/ci/build:1", "")
	flags.Int64Var(&l.size, "size", 1800<<20, "bytes of the image")
	label := flags.String("label", "", "what to call this line of output")
	keep := flags.Bool("keep", false, "leave the pods in place")
	deadline := flags.Duration("deadline", 3*time.Minute, "for the whole run; the slowest setting measured takes under two minutes")
	flags.Parse(args)
	if l.nodes < 1 || l.pods < 1 || l.zones < 1 || l.warm < 0 || l.warm > l.nodes {
		return fmt.Errorf("-nodes, -pods and -zones are 1 or more, -warm is 0 to -nodes")
	}
	l.id = strconv.FormatInt(time.Now().UnixNano(), 36)
	client, err := connect(*kubeconfig)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), *deadline)
	defer cancel()
	return l.run(ctx, client, *label, *keep)
}

func (l load) run(ctx context.Context, client *kubernetes.Clientset, label string, keep bool) error {
	if err := l.makeNodes(ctx, client); err != nil {
		return err
	}
	if err := l.awaitScheduler(ctx, client); err != nil {
		return fmt.Errorf("waiting for the scheduler to know the nodes: %w", err)
	}
	landed, err := l.bindAll(ctx, client)
	if landed != nil {
		landed.print(label, l)
	}
	if !keep {
		clearPods(client)
	}
	return err
}

// connect lifts the client's own rate limit, which would hide the scheduler's.
func connect(kubeconfig string) (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf"
	return kubernetes.NewForConfig(config)
}
