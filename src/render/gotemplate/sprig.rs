//! What Sprig 3.3.0 gives to templates, as Helm 4.2.3 has it: every function of its text map, and Helm's own for YAML,
//! JSON and TOML.

pub mod regexp;
pub mod semver;
mod unicode;

/// `strconv.Quote`.
fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
