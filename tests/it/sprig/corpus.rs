use std::path::PathBuf;

use airlock::render::gotemplate::Value;

use super::functions::{HELM, run};

/// A chart of one template that calls most functions, and what Helm 4.2.3 made of it; what asks for the chart itself is
/// left out.
#[test]
fn the_chart_of_functions() {
    let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS").map(PathBuf::from) else {
        println!("skipped: the_chart_of_functions needs AIRLOCK_CORPUS");
        return;
    };
    let read = |path: &str| {
        let bytes = std::fs::read(corpus.join("tables/helm-functions").join(path)).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    // Helm takes what is null out of a chart's values.
    let values = read("chart/values.yaml").replace("w: null, ", "").replace("\nnul:", "");
    let values = [("text".into(), Value::from(values))].into_iter().collect();
    let template = read("chart/templates/a.yaml");
    let expected = read("expected-helm-4.2.3.yaml");
    let of_chart = [".Capabilities", ".Chart", ".Release", ".Template", ".Files", ".KubeVersion"];
    let mut lines = 0;
    // An action is never longer than its line, save for ranges, which stand on one too.
    for line in template.lines().filter(|line| !of_chart.iter().any(|it| line.contains(it))) {
        let text =
            format!("{{{{ $v := dict \"Values\" (fromYaml .text) }}}}{{{{ with $v }}}}{line}{{{{ end }}}}");
        let (written, _) = run(&HELM, &text, &values).unwrap();
        let written = String::from_utf8_lossy(&written).replace("<no value>", "");
        assert!(expected.contains(written.trim_end()), "{line}\n{written}");
        lines += 1;
    }
    assert!(lines >= 12, "only {lines} lines");
}
