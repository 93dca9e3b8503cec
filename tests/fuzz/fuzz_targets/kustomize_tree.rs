//! Trees that a grammar writes: every field of a kustomization over several levels, with names, paths and patterns that
//! mostly fit each other. The input is a row of choices, so what libFuzzer changes are the trees. Whatever they say, a
//! build ends within its budgets, says the same twice, and what it prints can be built again. Run it with
//! `cargo xtask fuzz kustomize_tree`.

#![no_main]

use airlock::{
    archive::{Node, SafePath, Tree},
    render::{
        gotemplate::Budget,
        helm::Capabilities,
        kustomize::{Charts, Options, Order, TreeFiles, build},
    },
};
use libfuzzer_sys::fuzz_target;

/// What kustomizations say. `@` and a letter is a choice: see [`WORDS`].
const FIELDS: &[&str] = &[
    "namePrefix: @t\n",
    "nameSuffix: @t\n",
    "namespace: @n\n",
    "commonLabels: {@k: @t, app: @t}\n",
    "labels:\n- {pairs: {@k: @t}, includeSelectors: @b, includeTemplates: @b, fields: [{path: @f, create: @b}]}\n",
    "commonAnnotations: {@k: @t}\n",
    "images:\n- {name: @i, newName: @t, newTag: @t}\n- {name: @i, digest: @t, tagSuffix: @t}\n",
    "replicas: [{name: @n, count: @d}]\n",
    "patches:\n- {path: patch.yaml, target: {kind: @K, name: @n, labelSelector: @s}, options: {allowNameChange: @b}}\n",
    "patches:\n- target: {kind: @K}\n  patch: |-\n    - {op: @o, path: @p, value: @v, from: @p}\n    - {op: @o, path: @p, value: @v}\n",
    "patches:\n- target: {kind: Deployment}\n  patch: |-\n    kind: Deployment\n    metadata: {name: @n, annotations: @v}\n    \
     spec: {template: {spec: {containers: [{name: @n, $patch: @x, ports: [{containerPort: @d, protocol: @t}], env: @v}]}}}\n",
    "patchesStrategicMerge:\n- patch.yaml\n- |-\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: @n}\n  data: @v\n  $patch: @x\n",
    "patchesJson6902:\n- target: {version: v1, kind: @K, name: @n}\n  patch: '[{\"op\": \"@o\", \"path\": \"@p\", \"value\": @d}]'\n",
    "replacements:\n- source: {kind: @K, name: @n, fieldPath: @P, options: {delimiter: @t, index: @d}}\n  targets:\n  \
     - {select: {kind: @K}, reject: [{name: @n}], fieldPaths: ['@P', '@P'], options: {delimiter: @t, index: @d, create: @b}}\n",
    "replacements:\n- {sourceValue: @t, targets: [{select: {name: @n}, fieldPaths: ['@P'], options: {create: @b}}]}\n",
    "vars:\n- {name: V, objref: {apiVersion: v1, kind: @K, name: @n}, fieldref: {fieldpath: @P}}\n",
    "configMapGenerator:\n- {name: @n, behavior: @B, literals: ['@k=@t', '@k=$(V)'], files: [patch.yaml, '@k=env'], envs: [env]}\n",
    "configMapGenerator:\n- {name: @n, namespace: @n, behavior: @B, literals: ['@k=@t'], options: {labels: {@k: @t}, \
     disableNameSuffixHash: @b, immutable: @b}}\n",
    "secretGenerator:\n- {name: @n, behavior: @B, type: @t, literals: ['@k=@t'], files: ['@k=patch.yaml']}\n",
    "generatorOptions: {labels: {@k: @t}, annotations: {@k: @t}, disableNameSuffixHash: @b, immutable: @b}\n",
    "configurations: [config.yaml]\n",
    "crds: [crd.json]\n",
    "openapi: {path: crd.json}\n",
    "sortOptions: {order: @O, legacySortOptions: {orderFirst: [@K], orderLast: [@K]}}\n",
    "buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]\n",
    "transformers:\n- |-\n  apiVersion: builtin\n  kind: @T\n  metadata: {name: @n, namespace: @n}\n  prefix: @t\n  suffix: @t\n  \
     labels: {@k: @t}\n  annotations: {@k: @t}\n  fieldSpecs: [{path: @f, kind: @K, create: @b}]\n  value: @t\n  targets: [{fieldPath: @f}]\n  \
     imageTag: {name: @i, newTag: @t}\n  replica: {name: @n, count: @d}\n  path: patch.yaml\n  setRoleBindingSubjects: @S\n",
    "generators:\n- |-\n  apiVersion: builtin\n  kind: @G\n  metadata: {name: @n}\n  name: @n\n  literals: ['@k=@t']\n  behavior: @B\n",
    "validators:\n- |-\n  apiVersion: builtin\n  kind: @T\n  metadata: {name: @n}\n  fieldSpecs: [{path: @f}]\n",
    "helmGlobals: {chartHome: @c}\nhelmCharts:\n- {name: app, releaseName: @n, namespace: @n, valuesMerge: @M, valuesInline: @v, includeCRDs: @b, \
     skipHooks: @b, nameTemplate: @t, kubeVersion: @t}\n- {name: app, valuesFile: patch.yaml, additionalValuesFiles: [config.yaml], skipTests: @b}\n",
    "@t: @v\n",
];

/// What resources are, a document each.
const RESOURCES: &[&str] = &[
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: @n, namespace: @n}\ndata: {@k: @t, b: '@t $(V) @t', c: @v}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: @n, labels: {app: @t}}\nspec:\n  replicas: @d\n  selector: {matchLabels: {app: @t}}\n  \
     template:\n    metadata: {labels: {app: @t}}\n    spec:\n      serviceAccountName: @n\n      containers:\n      - {name: @n, image: @i, \
     ports: [{containerPort: @d}, {containerPort: @d, protocol: UDP}], env: [{name: A, valueFrom: {configMapKeyRef: {name: @n, key: @k}}}]}\n      \
     - {name: @n, image: @i, args: [$(V), @v]}\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: @n}\ntype: @t\ndata: {@k: @t}\nstringData: {@k: @t}\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: @n}\n",
    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: @n, annotations: {@k: @v}}\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: @n}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, \
     name: @n}\nsubjects: [{kind: ServiceAccount, name: @n, namespace: @n}, {kind: ServiceAccount, name: default}]\n",
    "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: @n}}, @v]\n",
    "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: @n, annotations: {config.kubernetes.io/local-config: '@b'}}\nspec: &a {x: @v, \
     list: [@v, @v], ref: {name: @n, namespace: @n}}\nstatus: {b: *a}\n",
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: @n}\nspec: {group: example.com, names: {kind: Thing}, \
     conversion: {webhook: {clientConfig: {service: {name: @n, namespace: @n}}}}}\n",
    "@t: @v\n",
];

/// Other files, each with its forms.
const FILES: &[(&str, &[&str])] = &[
    (
        "patch.yaml",
        &[
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: @n, labels: @v}\nspec: {template: {spec: {containers: [{name: @n, image: @i}]}}}\n",
            "[{op: @o, path: @p, value: @v}, {op: @o, path: @p, from: @p}]\n",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: @n}\ndata: {@k: null, b: @t}\n---\napiVersion: example.com/v1\nkind: Thing\n\
             metadata: {name: @n}\nspec: {list: @v, x: @v}\n",
        ],
    ),
    ("env", &["@k=@t\n# @t\n@k\n\nb=@t"]),
    (
        "config.yaml",
        &[
            "namePrefix: [{path: @f, kind: @K}]\nnameReference: [{kind: @K, fieldSpecs: [{path: @f, kind: @K}]}]\nvarReference: [{path: @f}]\n\
             images: [{path: @f}]\nreplicas: [{path: @f, create: @b}]\nnamespace: [{path: @f, create: @b}]\ncommonLabels: [{path: @f, create: @b}]\n",
            "templateLabels: [{path: @f}]\nlabels: [{path: @f, create: @b}]\ncommonAnnotations: [{path: @f, create: @b}]\n@t: @v\n",
        ],
    ),
    (
        "crd.json",
        &[
            "{\"definitions\": {\"com.example.v1.Thing\": {\"type\": \"object\", \"x-kubernetes-group-version-kind\": [{\"group\": \"example.com\", \
             \"version\": \"v1\", \"kind\": \"Thing\"}], \"properties\": {\"spec\": {\"properties\": {\"list\": {\"type\": \"array\", \
             \"x-kubernetes-patch-strategy\": \"merge\", \"x-kubernetes-patch-merge-key\": \"name\", \"items\": {\"$ref\": \"@f\"}}}}}}}}",
            "{\"com.example.v1.Thing\": {\"Schema\": {\"properties\": {\"spec\": {\"x-kubernetes-object-ref-api-version\": \"v1\", \
             \"x-kubernetes-object-ref-kind\": \"@K\", \"$ref\": \"com.example.v1.Thing\"}}}}}",
        ],
    ),
];

/// What stands for a letter.
const WORDS: &[(u8, &[&str])] = &[
    (b'b', &["true", "false", "null", "maybe"]),
    (b'd', &["0", "1", "8080", "-1", "-9223372036854775808", "1.5", "1e400"]),
    (b'k', &["a", "b", "app", "\"x/y\"", "\"\"", "config.kubernetes.io/origin", "internal.config.kubernetes.io/previousNames", "$patch"]),
    (b'n', &["a", "b", "default", "web", "\"a-b\"", "\".*\"", "\"\"", "null"]),
    (b'i', &["nginx", "\"nginx:1.2\"", "\"r/n@sha256:ab\"", "\"(\"", "\"a{2000}\"", "\"\""]),
    (b's', &["\"app=a\"", "\"app in (a, b),!x\"", "\"app notin ()\"", "\"=\"", "\"\""]),
    (b'o', &["add", "replace", "remove", "copy", "move", "test", "other"]),
    (b'x', &["merge", "replace", "delete", "other"]),
    (b'p', &["/metadata/labels", "/spec/template/spec/containers/0", "/data/a", "/data/-", "/spec/list/-", "\"\"", "/", "/a~1b/~0", "/spec/x"]),
    (
        b'P',
        &[
            "metadata.name", "data.a", "spec.template.spec.containers.[name=a].image", "spec.template.spec.containers.*.ports.0", "data.b.x",
            "metadata.annotations.[a=b]", "spec.list.-1", "spec.list.5", "[", "a..b", "\\\\.", "spec.x.[=a]",
        ],
    ),
    (
        b'f',
        &[
            "metadata/name", "metadata/labels", "spec/template/spec/containers[]/image", "spec/list", "spec/x/y", "data", "subjects", "a[]/b[]",
            "\"\"", "spec/ref/name", "/", "metadata/annotations/a",
        ],
    ),
    (b'K', &["ConfigMap", "Deployment", "Secret", "Thing", "Namespace", "ServiceAccount", "Role", "\".*\"", "\"\""]),
    (b'B', &["create", "merge", "replace", "other"]),
    (b'O', &["fifo", "legacy", "other"]),
    (b'c', &["charts", "../base/charts", "/base/charts", "\"\""]),
    (b'M', &["merge", "override", "replace", "\"\""]),
    (b'S', &["none", "defaultOnly", "allServiceAccounts", "other"]),
    (b'G', &["ConfigMapGenerator", "SecretGenerator", "IAMPolicyGenerator", "HelmChartInflationGenerator", "PrefixTransformer"]),
    (
        b'T',
        &[
            "PrefixTransformer", "SuffixTransformer", "PrefixSuffixTransformer", "LabelTransformer", "AnnotationsTransformer", "HashTransformer",
            "ImageTagTransformer", "NamespaceTransformer", "PatchTransformer", "PatchStrategicMergeTransformer", "PatchJson6902Transformer",
            "ReplacementTransformer", "ReplicaCountTransformer", "ValueAddTransformer", "ConfigMapGenerator",
        ],
    ),
    (
        b'v',
        &[
            "a", "1", "null", "{}", "[]", "{name: a}", "[{name: a}, {name: b, $patch: delete}]", "[a, b]", "{a: {b: {c: [1]}}}", "!!binary aGk=",
            "\"multi\\nline\"", "2001-01-01", "{$patch: replace, x: y}", "[[{a: 1}]]", "~", "{name: a, namespace: b}",
        ],
    ),
];

/// Texts of which the input may also bring its own.
const TEXTS: &[&str] = &["a", "b", "x-", "\"$(V)\"", "\"\"", "\"yes\"", "1", "\"a.b/c\"", "\"-\"", "\"é\\u0085\"", "null", "\"$$(V)\""];

/// Choices, until there are none.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, end: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % end.max(1)
    }

    fn of<'t, T: ?Sized>(&mut self, all: &[&'t T]) -> &'t T {
        all[self.below(all.len())]
    }

    fn text(&mut self) -> String {
        let choice = self.below(TEXTS.len() + 2);
        if let Some(text) = TEXTS.get(choice) {
            return (*text).to_owned();
        }
        let length = self.below(12).min(self.0.len());
        let (own, rest) = self.0.split_at(length);
        self.0 = rest;
        format!("{:?}", String::from_utf8_lossy(own))
    }

    fn fill(&mut self, form: &str, out: &mut String) {
        let mut parts = form.split('@');
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (letter, rest) = part.split_at(1);
            match WORDS.iter().find(|(known, _)| letter.as_bytes() == [*known]) {
                Some((_, words)) => out.push_str(self.of(words)),
                None => out.push_str(&self.text()),
            }
            out.push_str(rest);
        }
    }

    fn kustomization(&mut self, start: &str) -> String {
        let mut out = start.to_owned();
        for _ in 0..self.below(6) {
            let form = self.of(FIELDS);
            self.fill(form, &mut out);
        }
        out
    }
}

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices(input);
    let mut nodes = Vec::new();
    let mut add = |path: String, text: String| {
        nodes.push((SafePath::new(&path).expect("a plain path"), Node::file(text)));
    };
    let levels = [
        ("base", "resources: [resources.yaml]\n", true),
        ("other", "resources: [resources.yaml, ../base]\n", true),
        ("part", "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n", false),
        ("over", "resources: [../base, resources.yaml]\ncomponents: [../part]\n", true),
        ("top", "resources: [../over]\n", false),
    ];
    for (folder, start, has_resources) in levels {
        let start = if folder == "top" && choices.below(4) == 0 {
            "resources: [../over, ../other]\n"
        } else {
            start
        };
        add(format!("{folder}/kustomization.yaml"), choices.kustomization(start));
        for (name, forms) in FILES {
            let mut text = String::new();
            let form = choices.of(forms);
            choices.fill(form, &mut text);
            add(format!("{folder}/{name}"), text);
        }
        if has_resources {
            let mut text = String::new();
            for _ in 0..=choices.below(4) {
                let form = choices.of(RESOURCES);
                choices.fill(form, &mut text);
                text.push_str("---\n");
            }
            add(format!("{folder}/resources.yaml"), text);
            add(format!("{folder}/charts/app/Chart.yaml"), "{apiVersion: v2, name: app, version: 1.0.0}".to_owned());
            let (mut values, mut template) = (String::new(), String::new());
            choices.fill("a: @v\nb: &b @v\nc: *b\n@k: @t\n", &mut values);
            choices.fill("@k: {{ .Values.a | toYaml | nindent 2 }}\n{{- with .Values.b }}\n@t: {{ . | quote }}\n{{- end }}\n", &mut template);
            let form = choices.of(RESOURCES);
            choices.fill(form, &mut template);
            add(format!("{folder}/charts/app/values.yaml"), values);
            add(format!("{folder}/charts/app/templates/a.yaml"), template);
        }
    }
    let tree = Tree::new(nodes).expect("all paths differ");
    let order = if choices.below(2) == 0 { Order::None } else { Order::Legacy };
    let charts = Charts {
        seconds: 1_700_000_000,
        nanos: 0,
        secret: Some([7; 32]),
        capabilities: Capabilities::default(),
        kube_version: None,
        api_versions: Vec::new(),
        budget: Budget { steps: 100_000, bytes: 1 << 20, ..Budget::default() },
    };
    let options = Options { order, explain: true, charts: Some(charts), ..Options::default() };
    let first = build(&TreeFiles::new(&tree, Vec::new()), "/top", &options);
    let second = build(&TreeFiles::new(&tree, Vec::new()), "/top", &Options { explain: false, ..options.clone() });
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first.text(), second.text());
            // What is printed is what a kustomization of nothing else prints.
            let again = [("kustomization.yaml", "resources: [all.yaml]".to_owned()), ("all.yaml", first.text())];
            let nodes =
                again.map(|(path, text)| (SafePath::new(path).expect("a plain path"), Node::file(text)));
            let tree = Tree::new(nodes).expect("all paths differ");
            if let Ok(again) = build(&TreeFiles::new(&tree, Vec::new()), "/", &options) {
                assert!(again.resources.len() <= first.resources.len());
            }
        }
        (Err(first), Err(second)) => assert_eq!(first, second),
        (first, second) => panic!("once {first:?} and once {second:?}"),
    }
});
