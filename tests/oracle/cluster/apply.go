package main

import (
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	applyconfigurations "k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

type step struct {
	Apply   map[string]any `json:"apply,omitempty"`
	Update  map[string]any `json:"update,omitempty"`
	Manager string         `json:"manager"`
	Force   bool           `json:"force,omitempty"`
}

type testCase struct {
	Name  string `json:"name"`
	Steps []step `json:"steps"`
}

// outcome is the object and its managed fields after a step, or the error of the step.
type outcome struct {
	Error   string                    `json:"error,omitempty"`
	Object  map[string]any            `json:"object,omitempty"`
	Managed map[string]map[string]any `json:"managed,omitempty"`
}

func printApply(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var cases []testCase
	if err := yaml.UnmarshalStrict(text, &cases); err != nil {
		return err
	}
	results := map[string][]outcome{}
	for _, test := range cases {
		var outcomes []outcome
		first := test.Steps[0].Apply
		if first == nil {
			first = test.Steps[0].Update
		}
		gvk := runtimeschema.FromAPIVersionAndKind(first["apiVersion"].(string), first["kind"].(string))
		manager := managedfieldstest.NewTestFieldManager(applyconfigurations.NewTypeConverter(scheme.Scheme), gvk)
		for _, step := range test.Steps {
			var err error
			if step.Apply != nil {
				err = manager.Apply(&unstructured.Unstructured{Object: step.Apply}, step.Manager, step.Force)
			} else {
				err = manager.Update(&unstructured.Unstructured{Object: step.Update}, step.Manager)
			}
			if err != nil {
				outcomes = append(outcomes, outcome{Error: err.Error()})
				continue
			}
			live := manager.Live().(*unstructured.Unstructured).DeepCopy()
			managed := map[string]map[string]any{}
			for _, entry := range manager.ManagedFields() {
				var fields map[string]any
				if err := json.Unmarshal(entry.FieldsV1.Raw, &fields); err != nil {
					return err
				}
				managed[fmt.Sprintf("%s %s", entry.Manager, entry.Operation)] = fields
			}
			live.SetManagedFields(nil)
			outcomes = append(outcomes, outcome{Object: live.Object, Managed: managed})
		}
		results[test.Name] = outcomes
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	return encoder.Encode(results)
}
