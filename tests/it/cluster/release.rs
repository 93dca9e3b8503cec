//! Records of releases as Helm finds them in a cluster: the real Helm lists, shows, rolls back and upgrades what we stored,
//! and we read what it stored.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use airlock::{
    archive::{Node, SafePath, Tree},
    cluster::{ApplyOptions, Cluster, CreateOptions, Reference, api::ApiServer},
    object::Object,
    render::{
        gotemplate::{Budget, sprig::clock::Time},
        helm::{
            Capabilities, Options, Randomness, Release, World, chart, install,
            record::{self, Info, Status},
            values,
        },
    },
    yaml,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{gvk, object};
use crate::support::peer;

const SPACE: &str = "releases";

const FILES: [(&str, &str); 6] = [
    ("Chart.yaml", "{apiVersion: v2, name: shop, version: 1.2.3, appVersion: v4, description: a shop}"),
    ("values.yaml", "word: default\nnested: {list: [1, two]}\n"),
    ("templates/NOTES.txt", "The word is {{ .Values.word }}, revision {{ .Release.Revision }}.\n"),
    (
        "templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {word: {{ .Values.word }}}\n",
    ),
    (
        "templates/hook.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hook, annotations: {helm.sh/hook: post-upgrade}}\n",
    ),
    ("files/more.txt", "more"),
];

/// The real Helm, for one cluster.
struct Helm {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: tempfile::TempDir,
}

impl Helm {
    #[track_caller]
    fn says(&self, args: &[&str]) -> String {
        let ran = Command::new(&self.program)
            .args(args)
            .args(["--namespace", SPACE, "--kubeconfig"])
            .arg(&self.kubeconfig)
            .envs(["CACHE", "CONFIG", "DATA"].map(|it| (format!("HELM_{it}_HOME"), self.home.path())))
            .env("TZ", "UTC")
            .output()
            .unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        assert!(ran.status.success(), "{args:?}: {said}{}", String::from_utf8_lossy(&ran.stderr));
        said
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.says(&[args, &["--output", "json"]].concat())).unwrap()
    }
}

/// A revision as an installer of ours would record it: what Helm keeps, and the Secret that holds it.
fn revision(word: &str, number: i64, status: Status) -> (Map<String, Value>, Object) {
    let tree = Tree::new(FILES.map(|(name, text)| (SafePath::new(name).unwrap(), Node::file(text)))).unwrap();
    let chart = chart::read_directory(&tree, "").unwrap();
    let given = values::from_map(&yaml::Map::new());
    values::set(values::Kind::Typed, &format!("word={word}"), &given).unwrap();
    let release =
        Release { name: "shop".into(), namespace: SPACE.into(), revision: number, is_upgrade: number > 1 };
    let world = World {
        now: Time::unix(1_770_000_000),
        random: Randomness::Derived([7; 32]),
        cluster: None,
        budget: Budget::default(),
        lenient: false,
    };
    let rendered =
        install(&chart, &given, &release, &Capabilities::default(), Options::default(), world).unwrap();
    let body = record::body(&rendered, &given, &release);
    let info = Info {
        first_deployed: "2026-01-02T03:04:05Z".parse().unwrap(),
        last_deployed: format!("2026-01-02T0{}:04:05Z", 3 + number).parse().unwrap(),
        status,
        description: format!("said at {number}"),
    };
    let whole = record::complete(&body, number, &info);
    let secret = object(json!({
        "apiVersion": "v1", "kind": "Secret", "type": record::SECRET_TYPE,
        "metadata": {"name": record::secret_name("shop", number), "namespace": SPACE,
            "labels": {"name": "shop", "owner": "helm", "status": status.as_str(), "version": number.to_string()}},
        "data": {"release": STANDARD.encode(record::encode(&whole))},
    }));
    (whole, secret)
}

/// What Helm itself stored of a revision.
async fn stored(client: &ApiServer, number: i64) -> Map<String, Value> {
    let at = Reference::new(gvk("v1", "Secret"), SPACE, &record::secret_name("shop", number));
    let secret = client.get(&at).await.unwrap();
    let text = STANDARD.decode(secret.text(&["data", "release"]).unwrap()).unwrap();
    record::decode(str::from_utf8(&text).unwrap()).unwrap()
}

async fn word(client: &ApiServer) -> String {
    let at = Reference::new(gvk("v1", "ConfigMap"), SPACE, "a");
    client.get(&at).await.unwrap().text(&["data", "word"]).unwrap().to_owned()
}

/// Writes the chart where Helm finds it.
fn lay(folder: &Path) {
    for (name, text) in FILES {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_helm_goes_on_with_our_releases_and_we_with_its() {
    let Some(program) = peer::helm() else { return };
    let Some(plane) = peer::shared() else { return };
    let client = plane.client();
    let helm = Helm { program, kubeconfig: plane.kubeconfig_path(), home: tempfile::tempdir().unwrap() };
    let space = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}));
    client.create(&space, &CreateOptions::by("test")).await.unwrap();

    let (_, first) = revision("one", 1, Status::Superseded);
    let (ours, second) = revision("two", 2, Status::Deployed);
    for secret in [&first, &second] {
        client.create(secret, &CreateOptions::by("test")).await.unwrap();
    }
    let installed = object(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"word": "two"},
        "metadata": {"name": "a", "namespace": SPACE, "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": SPACE}}}));
    client.apply(&installed, &ApplyOptions::force("helm")).await.unwrap();

    // What it tells of them.
    let listed = helm.json(&["list"]);
    let of = |listed: &Value| {
        ["name", "revision", "status", "chart", "app_version"]
            .map(|it| listed[0][it].as_str().unwrap().to_owned())
    };
    assert_eq!(of(&listed), ["shop", "2", "deployed", "shop-1.2.3", "v4"], "{listed}");
    let history = helm.json(&["history", "shop"]);
    let rows = history.as_array().unwrap().iter();
    let told = |it: &Value| (it["revision"].clone(), it["status"].clone(), it["description"].clone());
    let expect = [(1, "superseded", "said at 1"), (2, "deployed", "said at 2")];
    let expect = expect.map(|(number, status, said)| (json!(number), json!(status), json!(said)));
    assert_eq!(rows.map(told).collect::<Vec<_>>(), expect);
    assert_eq!(helm.says(&["get", "manifest", "shop"]).trim(), ours["manifest"].as_str().unwrap().trim());
    assert_eq!(helm.json(&["get", "values", "shop"]), json!({"word": "two"}));
    let all = json!({"word": "two", "nested": {"list": [1, "two"]}});
    assert_eq!(helm.json(&["get", "values", "shop", "--all"]), all);
    assert!(helm.says(&["get", "notes", "shop"]).contains("The word is two, revision 2."));
    assert!(helm.says(&["get", "hooks", "shop"]).contains("helm.sh/hook: post-upgrade"));
    let status = helm.json(&["status", "shop"]);
    assert_eq!((&status["info"]["status"], &status["version"]), (&json!("deployed"), &json!(2)));
    assert_eq!(status["info"]["first_deployed"], "2026-01-02T03:04:05Z");
    let about = helm.json(&["get", "metadata", "shop"]);
    assert_eq!((&about["chart"], &about["applyMethod"]), (&json!("shop"), &json!("ssa")), "{about}");

    // It goes back to what we stored.
    helm.says(&["rollback", "shop", "1"]);
    assert_eq!(word(&client).await, "one");
    let third = stored(&client, 3).await;
    assert_eq!((&third["version"], &third["info"]["status"]), (&json!(3), &json!("deployed")));
    assert_eq!(third["info"]["description"], "Rollback to 1");
    assert_eq!(third["config"], json!({"word": "one"}));
    assert_eq!(stored(&client, 2).await["info"]["status"], "superseded");

    // And on from there, with the same chart; what it stores is what we would have.
    let chart = helm.home.path().join("shop");
    lay(&chart);
    helm.says(&["upgrade", "shop", chart.to_str().unwrap(), "--set", "word=four"]);
    assert_eq!(word(&client).await, "four");
    let theirs = stored(&client, 4).await;
    let (ours, _) = revision("four", 4, Status::Deployed);
    for field in ["name", "namespace", "version", "config", "manifest", "apply_method"] {
        assert_eq!(theirs[field], ours[field], "{field}");
    }
    assert_eq!(theirs["info"]["notes"], ours["info"]["notes"]);
    for field in ["metadata", "values", "schema", "lock"] {
        assert_eq!(theirs["chart"][field], ours["chart"][field], "{field}");
    }
    helm.says(&["uninstall", "shop"]);
    let gone = client.get(&Reference::new(gvk("v1", "ConfigMap"), SPACE, "a")).await;
    assert!(gone.is_err_and(|error| error.is_absent()));
}
