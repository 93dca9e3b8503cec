//! Kustomizations against what the original prints of them.
//!
//! `tests/data/kustomize/build/*.json` are trees of ours, and beside each file is what the original makes of them, printed
//! by `cargo xtask golden kustomize`: `ours` has what people get wrong and what formats have in their corners,
//! `generated` every field alone and in pairs, each over three levels. The original's own suite and real trees come
//! through `AIRLOCK_CORPUS`. `charts` has what kustomizations say of charts, which the original hands to `helm`, and
//! `fetched` the cases of the suite that would fetch one.

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::{Path, PathBuf},
};

use airlock::{
    archive::{Node, SafePath, Tree},
    render::{
        gotemplate::Budget,
        helm::Capabilities,
        kustomize::{Charts, Options, Order, Restriction, Source, TreeFiles, build},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// What may differ, and why. The tests count that each of them still does.
const EXCEPTIONS: [(&str, &str); 3] = [
    (
        "hash_of_another_kind",
        "the original hashes its parser's own nodes, the lines of the file among them; nobody can ask for it but by an \
         annotation that is its own",
    ),
    ("duplicate_key_in_a_chart", "comments are not counted in the lines of what is built"),
    ("replacement_json", "comments of YAML within a text are not kept"),
];

/// Cases of the suite in which the pinned original, run on the same files, differs from what is written there as well.
const SUITE_EXCEPTIONS: [(&str, &str); 16] = [
    ("TestAddManagedbyLabel", "the suite's own build calls itself (test)"),
    ("TestComponent", "the case lacks a directory"),
    ("TestComponent-2", "the case lacks a directory"),
    ("TestComponentErrors-2", "the case does not say what to expect"),
    ("TestCustomConfig", "the case lacks a file"),
    ("TestFixedBug605_BaseCustomizationAvailableInOverlay", "the case lacks a file"),
    ("TestGeneratorOverlaysBinaryData", "the case lacks a file"),
    ("TestHelmChartInflationGenerator", "a chart from the network"),
    ("TestHelmChartInflationGeneratorForMultipleKubeVersions", "a chart from the network"),
    ("TestHelmChartInflationGeneratorOld", "a chart from the network"),
    ("TestHelmChartInflationGeneratorWithOciRepositoryWithAppendSlash", "a chart from the network"),
    ("TestHelmChartSameNamespace", "the case lacks its chart"),
    (
        "TestKustomizationLabelsInDeploymentWithoutClaimTemplateAndIncludeVolumeClaimTemplatesTrue",
        "a field that is newer than 5.8.1",
    ),
    (
        "TestKustomizationLabelsInStatefulSetTemplateWithClaimTemplateAndIncludeVolumeClaimTemplatesTrue",
        "a field that is newer than 5.8.1",
    ),
    (
        "TestKustomizationLabelsInStatefulSetTemplateWithIncludeSelectorsTrue",
        "a field that is newer than 5.8.1",
    ),
    ("TestOrderedTransformers", "a program as a plugin"),
];

/// Those of them that lack a chart have a twin in `fetched.json`, which says the same of a chart of ours.
const LACK_A_CHART: usize = 5;

/// Of these the charts that they would fetch, as `charts/NAME-VERSION/NAME` of the corpus, where it has them.
const FETCHED: [(&str, &str); 4] = [
    ("TestHelmChartInflationGenerator", "minecraft-4.26.4"),
    ("TestHelmChartInflationGeneratorForMultipleKubeVersions", "minecraft-4.26.4"),
    ("TestHelmChartInflationGeneratorOld", "minecraft-4.26.4"),
    ("TestHelmChartInflationGeneratorWithOciRepositoryWithAppendSlash", "external-dns-6.19.2"),
];

/// What comes out, or the message.
type Answer = Result<String, String>;

fn answer(tree: &Tree, path: &str, order: Order, restriction: Restriction) -> Answer {
    answer_of(tree, path, &Options { order, restriction, ..Options::default() })
}

fn answer_of(tree: &Tree, path: &str, options: &Options) -> Answer {
    let built = build(&TreeFiles::new(tree, Vec::new()), path, options);
    built.map(|output| output.text()).map_err(|error| without_generators(&error.to_string()))
}

/// What charts see.
fn charts() -> Charts {
    Charts {
        seconds: 1_700_000_000,
        nanos: 0,
        secret: Some([7; 32]),
        capabilities: Capabilities::default(),
        kube_version: None,
        api_versions: Vec::new(),
        budget: Budget::default(),
    }
}

/// The original names generators by their addresses.
fn without_generators(message: &str) -> String {
    let name = regex::Regex::new(r"merging from generator [A-Za-z.\[\]/-]+:").unwrap();
    name.replace_all(message, "merging from generator:").into_owned()
}

#[track_caller]
fn check(name: &str, have: &Answer, want: &Answer) -> bool {
    if have == want {
        return true;
    }
    match (have, want) {
        (Ok(have), Ok(want)) => {
            let differs = have.lines().zip(want.lines()).enumerate().find(|(_, (have, want))| have != want);
            match differs {
                Some((at, (have, want))) => {
                    println!("{name}, line {}:\n  want {want}\n  have {have}", at + 1)
                }
                None => println!("{name}: {} bytes instead of {}", have.len(), want.len()),
            }
        }
        (have, want) => println!("{name}:\n  want {want:?}\n  have {have:?}"),
    }
    false
}

fn tree_of(case: &Value) -> Tree {
    let pairs = |field: &str| case[field].as_object().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let path = |path: &String| SafePath::new(path).unwrap();
    let files = pairs("files");
    let binary = pairs("binary");
    let links = pairs("links");
    let nodes = files.iter().map(|(name, it)| (path(name), Node::file(text(it))));
    let binary = binary.iter().map(|(name, it)| (path(name), Node::file(STANDARD.decode(text(it)).unwrap())));
    let links = links.iter().map(|(name, it)| (path(name), Node::Symlink { target: text(it) }));
    Tree::new(nodes.chain(binary).chain(links)).unwrap()
}

fn order_of(text: &str) -> Order {
    if text == "none" { Order::None } else { Order::Legacy }
}

fn restriction_of(text: &str) -> Restriction {
    if text == "none" { Restriction::None } else { Restriction::RootOnly }
}

/// Cases of ours with what the original makes of each.
fn read_cases(file: &str) -> (Vec<Value>, Vec<Value>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kustomize/build");
    let read = |name: String| -> Vec<Value> {
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let (cases, expected) = (read(format!("{file}.json")), read(format!("{file}.expected.json")));
    assert_eq!(cases.len(), expected.len());
    (cases, expected)
}

fn cases(file: &str, least: usize) {
    let (cases, expected) = read_cases(file);
    assert!(cases.len() >= least);
    let (mut equal, mut excepted) = (0, 0);
    for (case, expected) in cases.iter().zip(&expected) {
        let text = |field: &str| case[field].as_str().unwrap_or_default();
        let name = text("name");
        let options = Options {
            order: order_of(text("order")),
            restriction: restriction_of(text("load")),
            charts: (case["helm"] == true).then(charts),
            ..Options::default()
        };
        let have = answer_of(&tree_of(case), text("path"), &options);
        let message = expected["err"].as_str().unwrap();
        let want = match message {
            "" => Ok(expected["out"].as_str().unwrap().to_owned()),
            message => Err(message.to_owned()),
        };
        if EXCEPTIONS.iter().any(|(known, _)| *known == name) {
            assert_ne!(have, want, "{name} is no exception any more");
            excepted += 1;
        } else if check(name, &have, &want) {
            equal += 1;
        }
    }
    assert_eq!(equal + excepted, cases.len(), "{equal} of {} cases are equal", cases.len());
}

#[test]
fn corners_and_mistakes_are_as_in_the_original() {
    cases("ours", 250);
}

#[test]
fn every_field_alone_and_in_pairs_over_three_levels() {
    cases("generated", 253);
}

/// What people get wrong: the original's message, and what is ours beside it.
#[test]
fn mistakes_are_told_with_the_next_step() {
    let (cases, expected) = read_cases("mistakes");
    assert!(cases.len() >= 35);
    for (case, expected) in cases.iter().zip(&expected) {
        let text = |field: &str| case[field].as_str().unwrap();
        let (name, tree) = (text("name"), tree_of(case));
        let error =
            build(&TreeFiles::new(&tree, Vec::new()), text("path"), &Options::default()).expect_err(name);
        let message = without_generators(&error.to_string());
        assert_eq!(message, expected["err"].as_str().unwrap(), "{name}");
        assert_eq!((error.code(), error.hint()), (text("code"), text("hint")), "{name}: {message}");
    }
}

#[test]
fn comments_may_be_schemas() {
    cases("comments", 24);
}

#[test]
fn charts_as_with_the_program() {
    cases("charts", 143);
}

#[test]
fn cases_that_lack_their_chart_with_one_of_ours() {
    cases("fetched", 10);
    let (twins, _) = read_cases("fetched");
    let lack = SUITE_EXCEPTIONS.iter().filter(|(_, why)| why.contains("chart"));
    let has_twin = |name: &str| {
        let named = |twin: &Value| twin["name"].as_str().unwrap().split(' ').next() == Some(name);
        twins.iter().any(named)
    };
    assert_eq!(lack.filter(|(name, _)| has_twin(name)).count(), LACK_A_CHART);
}

fn corpus() -> Option<PathBuf> {
    let corpus = std::env::var_os("AIRLOCK_CORPUS").map(PathBuf::from);
    if corpus.is_none() {
        println!("skipped: AIRLOCK_CORPUS is not set");
    }
    corpus
}

/// A directory of the disk as a tree.
fn tree_at(top: &Path) -> Tree {
    fn walk(top: &Path, at: &Path, nodes: &mut Vec<(SafePath, Node)>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = SafePath::new(path.strip_prefix(top).unwrap().to_str().unwrap());
            if path.is_symlink() {
                let target = std::fs::read_link(&path).unwrap().to_str().unwrap().to_owned();
                nodes.push((name.unwrap(), Node::Symlink { target }));
            } else if path.is_dir() {
                walk(top, &path, nodes);
            } else if let Ok(name) = name {
                nodes.push((name, Node::file(std::fs::read(&path).unwrap())));
            }
        }
    }
    let mut nodes = Vec::new();
    walk(top, top, &mut nodes);
    Tree::new(nodes).unwrap()
}

/// The tree of a case with a chart where it would have been put.
fn with_chart(own: &Path, chart: &Path, name: &str) -> Tree {
    let (own, chart) = (tree_at(own), tree_at(chart));
    let inside = |path: &SafePath| SafePath::new(&format!("charts/{name}/{}", path.as_str())).unwrap();
    let chart = chart.iter().map(|(path, node)| (inside(path), node.clone()));
    Tree::new(own.iter().map(|(path, node)| (path.clone(), node.clone())).chain(chart)).unwrap()
}

#[test]
fn the_suite_of_the_original() {
    let Some(corpus) = corpus() else { return };
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(corpus.join("krusty")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    assert_eq!(folders.len(), 144);
    let (mut equal, mut excepted, mut fetched) = (0, 0, 0);
    for folder in &folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let case: Value = serde_json::from_slice(&std::fs::read(folder.join("case.json")).unwrap()).unwrap();
        let options = case["opts"].to_string();
        let order = if options.contains("Legacy") { Order::Legacy } else { Order::None };
        let restriction =
            if options.contains("RestrictionsNone") { Restriction::None } else { Restriction::RootOnly };
        let path = format!("/{}", case["path"].as_str().unwrap().trim_start_matches(['.', '/']));
        let chart = FETCHED.iter().find(|(known, _)| *known == name).map(|(_, chart)| *chart);
        let chart = chart.filter(|chart| corpus.join("charts").join(chart).is_dir());
        let own = folder.join("in");
        let tree = match chart {
            Some(chart) => with_chart(&own, &corpus.join("charts").join(chart), chart),
            None => tree_at(&own),
        };
        let options = Options { order, restriction, charts: Some(charts()), ..Options::default() };
        let have = answer_of(&tree, &path, &options);
        fetched += usize::from(chart.is_some());
        if chart.is_none() && SUITE_EXCEPTIONS.iter().any(|(known, _)| *known == name) {
            let want = std::fs::read_to_string(folder.join("expected.yaml")).ok();
            assert_ne!(have.ok(), want.or(Some(String::new())), "{name} is no exception any more");
            excepted += 1;
            continue;
        }
        let fits = match std::fs::read_to_string(folder.join("expected.yaml")) {
            Ok(want) => check(name, &have, &Ok(want)),
            Err(_) => {
                let wanted = case["want_err"].as_array().unwrap();
                let message = have.clone().expect_err(name);
                wanted.iter().all(|it| message.contains(it["text"].as_str().unwrap_or("?")))
                    || check(name, &have, &Err(case["want_err"].to_string()))
            }
        };
        equal += usize::from(fits);
    }
    assert_eq!(excepted + fetched, SUITE_EXCEPTIONS.len());
    assert_eq!(equal + excepted, folders.len(), "{equal} of {} cases are equal", folders.len());
}

/// Builds whose output was recorded with files from anywhere allowed.
const UNRESTRICTED: [&str; 2] =
    ["test/e2e/testdata2/guestbook-partial-symlink-files", "test/e2e/testdata2/guestbook-symlink-files"];

#[test]
fn all_builds_of_the_real_trees() {
    let Some(corpus) = corpus() else { return };
    let corpus = corpus.join("kustomize");
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let mut trees: BTreeMap<String, (Tree, BTreeMap<String, String>)> = BTreeMap::new();
    let (mut equal, mut all) = (0, 0);
    for line in index.lines().skip(1) {
        let mut words = line.split('\t');
        let (name, path) = (words.next().unwrap(), words.next().unwrap());
        let (tree, expected) = trees.entry(name.to_owned()).or_insert_with(|| {
            let folder = corpus.join(name);
            (unpacked(&folder.join("tree.tgz")), texts(&folder.join("expected.tar.gz")))
        });
        let restriction =
            if UNRESTRICTED.contains(&path) { Restriction::None } else { Restriction::RootOnly };
        let have = answer(tree, &format!("/{path}"), Order::Legacy, restriction);
        let want = expected.get(&format!("{}.yaml", path.replace('/', "__"))).unwrap();
        all += 1;
        equal += usize::from(check(&format!("{name} {path}"), &have, &Ok(want.clone())));
    }
    assert_eq!(all, 172);
    assert_eq!(equal, all, "{equal} of {all} builds are equal");
}

fn entries(path: &Path, mut take: impl FnMut(String, tar::EntryType, Option<String>, Vec<u8>)) {
    let file = std::fs::File::open(path).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().trim_start_matches("./").to_owned();
        let kind = entry.header().entry_type();
        let link = entry.link_name().unwrap().map(|link| link.to_str().unwrap().to_owned());
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        take(name, kind, link, bytes);
    }
}

fn unpacked(path: &Path) -> Tree {
    let mut nodes = Vec::new();
    entries(path, |name, kind, link, bytes| {
        let Ok(name) = SafePath::new(&name) else { return };
        match kind {
            tar::EntryType::Regular => nodes.push((name, Node::file(bytes))),
            tar::EntryType::Symlink => nodes.push((name, Node::Symlink { target: link.unwrap() })),
            _ => (),
        }
    });
    Tree::new(nodes).unwrap()
}

fn texts(path: &Path) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    entries(path, |name, _, _, bytes| {
        texts.insert(name, String::from_utf8(bytes).unwrap());
    });
    texts
}

fn tree(files: &[(&str, &str)]) -> Tree {
    Tree::new(files.iter().map(|(path, text)| (SafePath::new(path).unwrap(), Node::file(*text)))).unwrap()
}

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

#[test]
fn remote_bases_come_from_the_sources_or_not_at_all() {
    let url = "https://github.com/example/stack//base?ref=v1";
    let own = tree(&[("kustomization.yaml", &format!("resources: ['{url}']\nnamePrefix: p-\n"))]);
    let base = || tree(&[("base/kustomization.yaml", "resources: [a.yaml]\n"), ("base/a.yaml", CONFIG_MAP)]);

    let error = answer(&own, "/", Order::Legacy, Restriction::RootOnly).unwrap_err();
    assert!(error.contains(url), "{error}");

    for (revision, is_there) in [("v1", true), ("v2", false), ("", false)] {
        let source = Source::new("https://github.com/example/stack", revision, || Some(base()));
        let files = TreeFiles::new(&own, vec![source]);
        let built = build(&files, "/", &Options::default());
        assert_eq!(built.is_ok(), is_there, "{revision}");
        if let Ok(output) = built {
            assert_eq!(output.text(), CONFIG_MAP.replace("name: a", "name: p-a"));
        }
    }
}

#[test]
fn remote_bases_stay_in_their_repository() {
    let own = tree(&[
        ("kustomization.yaml", "resources: ['ssh://git@example.com/team/stack.git?ref=main']\n"),
        ("a.yaml", CONFIG_MAP),
    ]);
    let base = || tree(&[("kustomization.yaml", "resources: [../../a.yaml]\n")]);
    let source = Source::new("ssh://git@example.com/team/stack.git", "main", || Some(base()));
    let error = build(&TreeFiles::new(&own, vec![source]), "/", &Options::default()).unwrap_err();
    assert_eq!(error.code(), "kustomize_outside");
}

#[test]
fn charts_come_from_the_sources_by_repository_name_and_version() {
    let says = "helmCharts:\n- {name: app, repo: https://charts.example/stable/, version: 1.2.3, releaseName: rel}\n";
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {a: {{ .Values.a }}}\n";
    let chart = |top: &str| {
        let at = |name: &str| format!("{top}{name}");
        let files = [
            (at("Chart.yaml"), "apiVersion: v2\nname: app\nversion: 1.2.3\n"),
            (at("values.yaml"), "a: default\n"),
            (at("values-prod.yaml"), "a: prod\n"),
            (at("templates/a.yaml"), template),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        tree(&files)
    };
    let built = |says: &str, url: &str, revision: &str, is_chart: bool, top: &str| {
        let own = tree(&[("kustomization.yaml", says)]);
        let open = || Some(chart(top));
        let source =
            if is_chart { Source::chart(url, revision, open) } else { Source::new(url, revision, open) };
        let files = TreeFiles::new(&own, vec![source]);
        let options = Options { charts: Some(charts()), ..Options::default() };
        build(&files, "/", &options).map(|output| output.text())
    };
    let stable = "https://charts.example/stable";
    for (url, revision, is_chart, top, is_there) in [
        (stable, "1.2.3", true, "app/", true),
        (stable, "1.2.3", true, "", true),
        ("https://charts.example/stable/app", "1.2.3", true, "app/", true),
        ("https://charts.example/stable/", "1.2.3", true, "app/", true),
        ("https://charts.example/stable/other", "1.2.3", true, "app/", false),
        (stable, "1.2.4", true, "app/", false),
        (stable, "", true, "app/", false),
        (stable, "1.2.3", false, "app/", false),
        (stable, "1.2.3", true, "other/", false),
    ] {
        let found = built(says, url, revision, is_chart, top);
        assert_eq!(found.is_ok(), is_there, "{url} {revision} {is_chart} {top}: {found:?}");
        match found {
            Ok(text) => assert!(text.contains("a: default"), "{text}"),
            Err(error) => {
                assert_eq!(error.code(), "kustomize_remote");
                assert!(error.to_string().contains("https://charts.example/stable/, 1.2.3"), "{error}");
            }
        }
    }
    // What the original would have pulled into the kustomization can be named there.
    let prod = says.replace("releaseName", "valuesFile: charts/app-1.2.3/app/values-prod.yaml, releaseName");
    assert!(built(&prod, stable, "1.2.3", true, "app/").unwrap().contains("a: prod"));
    let inline = says.replace("releaseName", "valuesInline: {a: inline}, releaseName");
    assert!(built(&inline, stable, "1.2.3", true, "app/").unwrap().contains("a: inline"));
    let nothing = says.replace("releaseName", "valuesFile: charts/app-1.2.3/app/none.yaml, releaseName");
    assert_eq!(built(&nothing, stable, "1.2.3", true, "app/").unwrap_err().code(), "kustomize_missing");
}

#[test]
fn what_touched_a_resource_is_told_on_request() {
    let own = tree(&[
        ("base/kustomization.yaml", "resources: [a.yaml]\nnamespace: alpha\n"),
        ("base/a.yaml", CONFIG_MAP),
        ("top/kustomization.yaml", "resources: [../base]\nnamePrefix: p-\nimages: [{name: x, newTag: z}]\n"),
    ]);
    let files = TreeFiles::new(&own, Vec::new());
    let output = build(&files, "/top", &Options { explain: true, ..Options::default() }).unwrap();
    let trail: Vec<&str> = output.resources[0].trail.iter().map(String::as_str).collect();
    assert_eq!(
        trail,
        [
            "/base/a.yaml, resource 1",
            "/base/kustomization.yaml: namespace",
            "/top/kustomization.yaml: namePrefix"
        ]
    );
}

#[test]
fn input_without_end_ends() {
    // Aliases of aliases: a few lines that would be twice as many nodes with each of them.
    let mut bomb = CONFIG_MAP.to_owned() + "data:\n  a0: &a0 [x, x]\n";
    for level in 1..40 {
        bomb.push_str(&format!("  a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1));
    }
    let own = tree(&[("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", &bomb)]);
    let error = answer(&own, "/", Order::Legacy, Restriction::RootOnly).unwrap_err();
    assert!(error.contains("the build has more than"), "{error}");

    // A path that never ends, and a tree that is put into the depth of another one.
    let path = ".x".repeat(100_000);
    let select = "select: {kind: ConfigMap}";
    let path = format!(
        "replacements:\n- {{sourceValue: v, targets: [{{{select}, fieldPaths: [\"data{path}\"]}}]}}\n"
    );
    let deep = format!("{}1{}", "{a: ".repeat(600), "}".repeat(600));
    let patch = format!("[{{op: add, path: /data{}, value: {deep}}}]", "/a".repeat(600));
    let patch = format!(
        "patches:\n- target: {{kind: ConfigMap}}\n  patch: |\n    - {}\n",
        &patch[1..patch.len() - 1]
    );
    for (says, what) in [(path, "a path has more than"), (patch, "an object has more than")] {
        let own = tree(&[
            ("kustomization.yaml", &format!("resources: [a.yaml]\n{says}")),
            ("a.yaml", &format!("{CONFIG_MAP}data: {deep}\n")),
        ]);
        let error = answer(&own, "/", Order::Legacy, Restriction::RootOnly).unwrap_err();
        assert!(error.contains(what), "{error}");
    }
}
