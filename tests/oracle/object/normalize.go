package main

import (
	"encoding/json"

	"github.com/fluxcd/pkg/ssa/normalize"
	"github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// normalized prints every object of the cases as Flux applies it.
func normalized(input []byte) (any, error) {
	document, err := read(input)
	if err != nil {
		return nil, err
	}
	rows := []row{}
	for _, name := range names(document) {
		u := unstructuredOf(settle(document[name]))
		if err := normalize.UnstructuredList([]*unstructured.Unstructured{u}); err != nil {
			rows = append(rows, row{name, object{"error": err.Error()}})
			continue
		}
		utils.RemoveCABundleFromCRD(u)
		result := object{"object": u.Object}
		compared := u.DeepCopy()
		if err := normalize.DryRunUnstructured(compared); err == nil && compared.GetKind() == "HorizontalPodAutoscaler" {
			result["dryRun"] = compared.Object
		}
		rows = append(rows, row{name, result})
	}
	return rows, nil
}

// quantities prints every quantity as the API machinery writes it again.
func quantities(input []byte) (any, error) {
	document, err := read(input)
	if err != nil {
		return nil, err
	}
	rows := []row{}
	for _, text := range document["quantities"].([]any) {
		var quantity resource.Quantity
		encoded, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		if err := quantity.UnmarshalJSON(encoded); err != nil {
			rows = append(rows, row{string(encoded), "refused"})
			continue
		}
		rows = append(rows, row{string(encoded), quantity.ToUnstructured()})
	}
	return rows, nil
}
