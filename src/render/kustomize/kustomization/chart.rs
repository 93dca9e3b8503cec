//! What a kustomization says of charts: `helmCharts`, `helmGlobals`, and `helmChartInflationGenerator`, which came
//! before them.

use super::super::{
    Error,
    decode::{Decoder, FromValue},
    shown::{Fields, text, texts},
};
use crate::yaml::Value;

/// A chart, and how it is rendered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct HelmChart {
    pub(in super::super) name: String,
    pub(in super::super) version: String,
    pub(in super::super) repo: String,
    pub(in super::super) release_name: String,
    pub(in super::super) namespace: String,
    pub(in super::super) additional_values_files: Vec<String>,
    pub(in super::super) values_file: String,
    pub(in super::super) values_inline: Option<Value>,
    pub(in super::super) values_merge: String,
    pub(in super::super) include_crds: bool,
    pub(in super::super) skip_hooks: bool,
    pub(in super::super) api_versions: Vec<String>,
    pub(in super::super) kube_version: String,
    pub(in super::super) name_template: String,
    pub(in super::super) skip_tests: bool,
    /// Whether a failing chart is told at length.
    pub(in super::super) debug: bool,
    /// Whether a version that is in development would be fetched; here nothing is.
    devel: bool,
}

/// Where charts lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct HelmGlobals {
    pub(in super::super) chart_home: String,
    /// What the original hands to the program; there is none here.
    config_home: String,
}

/// A chart in the words of the old field.
#[derive(Clone, Debug, Default)]
pub(super) struct OldHelmChart {
    chart: HelmChart,
    globals: HelmGlobals,
}

impl OldHelmChart {
    /// Charts in the words of today, and what they say of all; of several the last one counts.
    pub(super) fn split(all: Vec<Self>) -> (Vec<HelmChart>, HelmGlobals) {
        let mut globals = HelmGlobals::default();
        let mut charts = Vec::with_capacity(all.len());
        for old in all {
            for (own, said) in [
                (&mut globals.chart_home, old.globals.chart_home),
                (&mut globals.config_home, old.globals.config_home),
            ] {
                if !said.is_empty() {
                    *own = said;
                }
            }
            charts.push(old.chart);
        }
        (charts, globals)
    }
}

impl HelmGlobals {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl HelmChart {
    /// What a `HelmChartInflationGenerator` is told.
    pub(in super::super) fn shown(&self, globals: &HelmGlobals) -> Fields {
        let list = |all: &[String]| if all.is_empty() { Value::Null } else { texts(all) };
        let inline = self.values_inline.clone().unwrap_or(Value::Null);
        let inline = if matches!(&inline, Value::Map(map) if map.is_empty()) { Value::Null } else { inline };
        vec![
            ("chartHome", text(&globals.chart_home)),
            ("configHome", text(&globals.config_home)),
            ("name", text(&self.name)),
            ("version", text(&self.version)),
            ("repo", text(&self.repo)),
            ("releaseName", text(&self.release_name)),
            ("namespace", text(&self.namespace)),
            ("additionalValuesFiles", list(&self.additional_values_files)),
            ("valuesFile", text(&self.values_file)),
            ("valuesInline", inline),
            ("valuesMerge", text(&self.values_merge)),
            ("includeCRDs", Value::Bool(self.include_crds)),
            ("skipHooks", Value::Bool(self.skip_hooks)),
            ("apiVersions", list(&self.api_versions)),
            ("kubeVersion", text(&self.kube_version)),
            ("nameTemplate", text(&self.name_template)),
            ("skipTests", Value::Bool(self.skip_tests)),
            ("debug", Value::Bool(self.debug)),
            ("devel", Value::Bool(self.devel)),
        ]
    }

    /// Takes a field, if it is one of these. `around` is the type that they are embedded in, if they are.
    pub(in super::super) fn take(
        &mut self,
        decoder: &mut Decoder,
        name: &str,
        value: &Value,
        around: &[&'static str],
    ) -> Result<bool, Error> {
        decoder.embed(around);
        match name {
            "name" => self.name = decoder.text(value)?,
            "version" => self.version = decoder.text(value)?,
            "repo" => self.repo = decoder.text(value)?,
            "releasename" => self.release_name = decoder.text(value)?,
            "namespace" => self.namespace = decoder.text(value)?,
            "additionalvaluesfiles" => self.additional_values_files = decoder.texts(value)?,
            "valuesfile" => self.values_file = decoder.text(value)?,
            "valuesinline" => self.values_inline = anything(decoder, value)?,
            "valuesmerge" => self.values_merge = decoder.text(value)?,
            "includecrds" => self.include_crds = decoder.truth(value)?,
            "skiphooks" => self.skip_hooks = decoder.truth(value)?,
            "apiversions" => self.api_versions = decoder.texts(value)?,
            "kubeversion" => self.kube_version = decoder.text(value)?,
            "nametemplate" => self.name_template = decoder.text(value)?,
            "skiptests" => self.skip_tests = decoder.truth(value)?,
            "debug" => self.debug = decoder.truth(value)?,
            "devel" => self.devel = decoder.truth(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl HelmGlobals {
    /// Takes a field, as [`HelmChart::take`].
    pub(in super::super) fn take(
        &mut self,
        decoder: &mut Decoder,
        name: &str,
        value: &Value,
        around: &[&'static str],
    ) -> Result<bool, Error> {
        let field = match name {
            "charthome" => &mut self.chart_home,
            "confighome" => &mut self.config_home,
            _ => return Ok(false),
        };
        decoder.embed(around);
        *field = decoder.text(value)?;
        Ok(true)
    }
}

fn anything(decoder: &mut Decoder, value: &Value) -> Result<Option<Value>, Error> {
    let value = decoder.mapping(value, "map[string]interface {}")?;
    Ok(Some(value).filter(|value| !value.is_null()))
}

impl FromValue for HelmChart {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "HelmChart", &mut |decoder, name, value| it.take(decoder, name, value, &[]))?;
        Ok(it)
    }
}

impl FromValue for HelmGlobals {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder
            .object(value, "HelmGlobals", &mut |decoder, name, value| it.take(decoder, name, value, &[]))?;
        Ok(it)
    }
}

impl FromValue for OldHelmChart {
    fn from_value(decoder: &mut Decoder, value: &Value) -> Result<Self, Error> {
        let mut it = Self::default();
        decoder.object(value, "HelmChartArgs", &mut |decoder, name, value| {
            let Self { chart, globals } = &mut it;
            match name {
                "chartname" => chart.name = decoder.text(value)?,
                "chartversion" => chart.version = decoder.text(value)?,
                "chartrepourl" => chart.repo = decoder.text(value)?,
                "charthome" => globals.chart_home = decoder.text(value)?,
                "helmhome" => globals.config_home = decoder.text(value)?,
                "values" => chart.values_file = decoder.text(value)?,
                "valueslocal" => chart.values_inline = anything(decoder, value)?,
                "valuesmerge" => chart.values_merge = decoder.text(value)?,
                "releasename" => chart.release_name = decoder.text(value)?,
                // What nobody looks at.
                "chartreponame" | "helmbin" | "releasenamespace" => drop(decoder.text(value)?),
                "extraargs" => drop(decoder.texts(value)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(it)
    }
}
