// Makes the nodes of a load: plain API objects that say they are ready and hold
// images, with no kubelet behind them.
package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// writers bounds the requests in flight: enough to keep a small API server
// busy, few enough not to be refused.
const writers = 64

// imageKinds is the number of other images in the cluster; each node holds a
// different selection of them.
const imageKinds = 400

func nodeName(i int) string { return fmt.Sprintf("node-%05d", i) }

// isWarm says whether node i holds the image: every (nodes/warm)th does.
func (l load) isWarm(i int) bool {
	if l.warm == 0 {
		return false
	}
	step := l.nodes / l.warm
	return i%step == 0 && i/step < l.warm
}

func (l load) makeNodes(ctx context.Context, client *kubernetes.Clientset) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i := range l.nodes {
		group.Go(func() error { return l.makeNode(ctx, client, i) })
	}
	return group.Wait()
}

// makeNode makes a node with its status, as a kubelet does.
func (l load) makeNode(ctx context.Context, client *kubernetes.Clientset, i int) error {
	name := nodeName(i)
	node := &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			v1.LabelHostname: name, v1.LabelOSStable: "linux", v1.LabelArchStable: "amd64",
			v1.LabelTopologyZone: fmt.Sprintf("z%d", i%l.zones),
		}},
		Status: l.nodeStatus(i),
	}
	_, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (l load) nodeStatus(i int) v1.NodeStatus {
	room := v1.ResourceList{
		"cpu": resource.MustParse("32"), "memory": resource.MustParse("128Gi"),
		"pods": resource.MustParse("110"), "ephemeral-storage": resource.MustParse("500Gi"),
	}
	now := metav1.NewTime(time.Now())
	return v1.NodeStatus{
		Capacity:    room,
		Allocatable: room,
		Conditions: []v1.NodeCondition{{
			Type: v1.NodeReady, Status: v1.ConditionTrue, Reason: "KubeletReady",
			LastHeartbeatTime: now, LastTransitionTime: now,
		}},
		Images: l.nodeImages(i),
		NodeInfo: v1.NodeSystemInfo{
			Architecture: "amd64", OperatingSystem: "linux",
			ContainerRuntimeVersion: "containerd://2.4.2", KubeletVersion: "v1.37.2",
		},
	}
}

func (l load) nodeImages(i int) []v1.ContainerImage {
	images := []v1.ContainerImage{}
	for j := range l.others {
		kind := (i*7 + j*13) % imageKinds
		images = append(images, v1.ContainerImage{
			Names: []string{
				fmt.Sprintf("registry.example/other-%d@sha256:%064x", kind, kind),
				fmt.Sprintf("registry.example/other-%d:v1", kind),
			},
			SizeBytes: int64(50<<20 + kind*1000),
		})
	}
	if l.isWarm(i) {
		images = append(images, v1.ContainerImage{Names: []string{l.image}, SizeBytes: l.size})
	}
	return images
}
