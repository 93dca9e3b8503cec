package main

import (
	"context"
	"fmt"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/event"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/statusreaders"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	runtimereaders "github.com/fluxcd/pkg/runtime/statusreaders"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// health judges every row twice: as kstatus alone does (`kstatus`) and as Flux's poller does, which has its own
// rule for Jobs and looks at the pods behind a parent (`flux`).
//
// A row is a merge patch over `base`; its `pods` and `replicasets` are patches over `pod` and `replicaset`. An `age`
// is seconds since the creation: the original reads the clock, so the oracle sets the creation instead.
func health(input []byte) (any, error) {
	document, err := read(input)
	if err != nil {
		return nil, err
	}
	rows := []row{}
	for _, entry := range document["rows"].([]any) {
		fields := entry.(object)
		live := live(document["base"], fields)
		rows = append(rows, row{fields["name"].(string), object{
			"kstatus": kstatus(live),
			"flux":    poll(live, fields, document),
		}})
	}
	return rows, nil
}

func live(base any, fields object) *unstructured.Unstructured {
	patch, ok := fields["patch"].(object)
	if !ok {
		patch = object{}
	}
	u := unstructuredOf(merge(base, patch))
	if age, ok := fields["age"].(int64); ok {
		created := time.Now().Add(-time.Duration(age) * time.Second).UTC().Format(time.RFC3339)
		unstructured.SetNestedField(u.Object, created, "metadata", "creationTimestamp")
	}
	return u
}

func kstatus(u *unstructured.Unstructured) any {
	result, err := status.Compute(u)
	if err != nil {
		return object{"error": err.Error()}
	}
	return object{"status": result.Status, "message": result.Message}
}

func poll(u *unstructured.Unstructured, fields, document object) any {
	behind := cluster{}
	for list, kind := range map[string]string{"pods": "pod", "replicasets": "replicaset"} {
		entries, _ := fields[list].([]any)
		for i, entry := range entries {
			item := live(document[kind], entry.(object))
			item.SetName(fmt.Sprintf("%s-%d", kind, i))
			behind[item.GetKind()] = append(behind[item.GetKind()], *item)
		}
	}
	reader := statusreaders.NewStatusReader(mapper{}, runtimereaders.NewCustomJobStatusReader(mapper{}))
	result, err := reader.ReadStatusForObject(context.Background(), behind, u)
	if err != nil {
		return object{"error": err.Error()}
	}
	return reported(result)
}

func reported(result *event.ResourceStatus) any {
	if result.Error != nil {
		return object{"status": result.Status, "error": result.Error.Error()}
	}
	return object{"status": result.Status, "message": result.Message}
}

// cluster holds what stands behind a parent, by kind.
type cluster map[string][]unstructured.Unstructured

func (c cluster) ListNamespaceScoped(_ context.Context, list *unstructured.UnstructuredList, _ string, _ labels.Selector) error {
	list.Items = c[list.GroupVersionKind().Kind]
	return nil
}

func (c cluster) ListClusterScoped(context.Context, *unstructured.UnstructuredList, labels.Selector) error {
	panic("no rule lists cluster-wide")
}

func (c cluster) Get(context.Context, client.ObjectKey, *unstructured.Unstructured) error {
	panic("the object is given")
}

func (c cluster) Sync(context.Context) error { return nil }

// mapper knows the version of the kinds that the readers list.
type mapper struct{ meta.RESTMapper }

func (mapper) RESTMapping(gk schema.GroupKind, _ ...string) (*meta.RESTMapping, error) {
	return &meta.RESTMapping{GroupVersionKind: gk.WithVersion("v1")}, nil
}
