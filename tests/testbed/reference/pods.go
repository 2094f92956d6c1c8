// Makes the pods of a load and watches the scheduler bind them.
package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

const (
	namespace  = "bench"
	runLabel   = "bench/run" // tells the pods of one run from those another one kept
	stepPrefix = "step-"     // begins the names of the pods that are counted
)

// perRun is the number of pods that carry the same pipeline run label, as the
// steps of one CI run do.
const perRun = 10

// clearWithin bounds the removal of the pods, which must work even when the
// run itself ran out of time.
const clearWithin = 30 * time.Second

// awaitScheduler returns once the scheduler has bound one pod to the node that
// was written last. Watch events come in the order of the writes, so it has
// then seen every node, and the end of every pod of an earlier run.
func (l load) awaitScheduler(ctx context.Context, client *kubernetes.Clientset) error {
	space := &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, space, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	last, err := lastWritten(ctx, client)
	if err != nil {
		return err
	}
	probe := l.pod("probe-")
	probe.Spec.NodeSelector = map[string]string{v1.LabelHostname: last}
	probe.Spec.Containers[0].Resources = v1.ResourceRequirements{}
	if probe, err = client.CoreV1().Pods(namespace).Create(ctx, probe, metav1.CreateOptions{}); err != nil {
		return err
	}
	now := int64(0)
	defer client.CoreV1().Pods(namespace).Delete(ctx, probe.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	return l.eachBound(ctx, client, func(pod *v1.Pod) bool { return pod.UID == probe.UID })
}

// lastWritten names the node with the newest resource version.
func lastWritten(ctx context.Context, client *kubernetes.Clientset) (string, error) {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	name, newest := "", ""
	for i := range nodes.Items {
		version := nodes.Items[i].ResourceVersion
		if len(version) > len(newest) || len(version) == len(newest) && version > newest {
			name, newest = nodes.Items[i].Labels[v1.LabelHostname], version
		}
	}
	return name, nil
}

// bindAll makes the pods and follows them until each is bound. What has landed
// by then is returned with the error, too.
func (l load) bindAll(ctx context.Context, client *kubernetes.Clientset) (*landing, error) {
	landed := newLanding(l)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.makePods(ctx, client) })
	group.Go(func() error { return l.eachBound(ctx, client, landed.add) })
	return landed, group.Wait()
}

func (l load) makePods(ctx context.Context, client *kubernetes.Clientset) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers / 2) // the other half of the API server is the scheduler's
	for i := range l.pods {
		group.Go(func() error {
			pod := l.pod(stepPrefix)
			pod.Labels["tekton.dev/pipelineRun"] = fmt.Sprintf("run-%d", i/perRun)
			_, err := client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{})
			return err
		})
	}
	return group.Wait()
}

func (l load) pod(prefix string) *v1.Pod {
	requests := v1.ResourceList{"cpu": resource.MustParse("500m"), "memory": resource.MustParse("512Mi")}
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: prefix, Namespace: namespace, Labels: map[string]string{runLabel: l.id}},
		Spec: v1.PodSpec{Containers: []v1.Container{{
			Name: "step", Image: l.image, Resources: v1.ResourceRequirements{Requests: requests},
		}}},
	}
}

// eachBound hands every bound pod of this run to enough until it says true.
// An informer follows them: a plain watch is ended by the API server when its
// reader is behind.
func (l load) eachBound(ctx context.Context, client *kubernetes.Clientset, enough func(*v1.Pod) bool) error {
	source := cache.NewFilteredListWatchFromClient(client.CoreV1().RESTClient(), "pods", namespace, func(options *metav1.ListOptions) {
		options.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
		options.LabelSelector = labels.Set{runLabel: l.id}.String()
	})
	seen := map[types.UID]bool{}
	_, err := watchtools.UntilWithSync(ctx, source, &v1.Pod{}, nil, func(event watch.Event) (bool, error) {
		pod, ok := event.Object.(*v1.Pod)
		if !ok || event.Type == watch.Deleted || seen[pod.UID] {
			return false, nil
		}
		seen[pod.UID] = true
		return enough(pod), nil
	})
	return err
}

// clearPods removes the pods at once: no kubelet is there to end them.
func clearPods(client *kubernetes.Clientset) {
	ctx, cancel := context.WithTimeout(context.Background(), clearWithin)
	defer cancel()
	now := int64(0)
	client.CoreV1().Pods(namespace).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{})
}
