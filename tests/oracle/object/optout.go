package main

import (
	"context"
	"net/http"

	"github.com/fluxcd/pkg/ssa"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const group = "kustomize.toolkit.fluxcd.io"

// optouts applies and deletes every row's object with the options that kustomize-controller sets, and says what the
// manager did: whether it skipped, cleaned the metadata of others, recreated on an immutable field, and deleted.
func optouts(input []byte) (any, error) {
	document, err := read(input)
	if err != nil {
		return nil, err
	}
	rows := []row{}
	for _, entry := range document["rows"].([]any) {
		fields := entry.(object)
		patch, ok := fields["desired"].(object)
		if !ok {
			patch = object{}
		}
		desired := unstructuredOf(merge(document["base"], patch))
		var live *unstructured.Unstructured
		if fields["live"] != nil {
			live = unstructuredOf(merge(document["live"], fields["live"]))
		}
		result, err := tryOut(desired, live)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{fields["name"].(string), result})
	}
	return rows, nil
}

func tryOut(desired, live *unstructured.Unstructured) (any, error) {
	options := ssa.ApplyOptions{
		ExclusionSelector:    map[string]string{group + "/reconcile": "disabled", group + "/ssa": "Ignore"},
		IfNotPresentSelector: map[string]string{group + "/ssa": "IfNotPresent"},
		ForceSelector:        map[string]string{group + "/force": "enabled"},
		Cleanup: ssa.ApplyCleanupOptions{
			Annotations: []string{"kubectl.kubernetes.io/last-applied-configuration"},
			Exclusions:  map[string]string{group + "/ssa": "Merge"},
		},
	}
	plain := &api{live: live}
	applied, err := manager(plain).Apply(context.Background(), desired.DeepCopy(), options)
	if err != nil {
		return nil, err
	}
	immutable := &api{live: live, immutable: true}
	_, _ = manager(immutable).Apply(context.Background(), desired.DeepCopy(), options)
	result := object{
		"skipped":  applied.Action == ssa.SkippedAction,
		"cleaned":  plain.cleaned,
		"recreate": immutable.deleted,
	}
	if live != nil {
		gone := &api{live: live}
		_, err := manager(gone).Delete(context.Background(), desired.DeepCopy(), ssa.DeleteOptions{
			Exclusions: map[string]string{
				group + "/prune": "disabled", group + "/reconcile": "disabled", group + "/ssa": "Ignore",
			},
		})
		if err != nil {
			return nil, err
		}
		result["deleted"] = gone.deleted
	}
	return result, nil
}

func manager(client client.Client) *ssa.ResourceManager {
	return ssa.NewResourceManager(client, nil, ssa.Owner{Field: "oracle", Group: group})
}

// api answers as an API server with at most one object would, and notes what it was asked to do.
type api struct {
	client.Client
	live      *unstructured.Unstructured
	immutable bool
	cleaned   bool
	deleted   bool
}

func (a *api) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if a.live == nil || a.deleted {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	into.(*unstructured.Unstructured).Object = a.live.DeepCopy().Object
	return nil
}

func (a *api) Patch(_ context.Context, _ client.Object, patch client.Patch, _ ...client.PatchOption) error {
	if patch.Type() == types.JSONPatchType {
		a.cleaned = true
	} else if a.immutable && !a.deleted {
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid, Message: "field is immutable",
		}}
	}
	return nil
}

func (a *api) Delete(context.Context, client.Object, ...client.DeleteOption) error {
	a.deleted = true
	return nil
}
