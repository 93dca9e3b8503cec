use std::{
    any::Any,
    cell::RefCell,
    rc::Rc,
    sync::{Arc, LazyLock},
};

use airlock::render::gotemplate::{
    Budget, Context, Failure, Function, Object, Render, Table, Templates, Type, Value,
    sprig::{
        self, Environment,
        clock::{Time, Zone},
        semver::Version,
    },
    value::{
        ANY_LISTS, ANY_MAP, ANY_MAPS, ANYS, FloatKind, INTS, IntKind, List, ListType, Map, MapType,
        STRING_MAP, STRINGS, Str, UintKind, downcast, object,
    },
};
use airlock::render::helm;
use rand_core::SeedableRng;
use serde_json::{Value as Json, json};

use super::{bytes, check, text};

/// Keeps the value that it is given: how a test sees what a function gives, type and all.
static CAPTURE: Function = Function::new("capture", &[Type::Any], Type::String, |context, args| {
    let above = Environment::of(context)?.above();
    *above.downcast_ref::<RefCell<Value>>().unwrap().borrow_mut() = args.any(0).clone();
    Ok("".into())
});

/// Helm's, but here so that `fail` can be compared.
static FAIL: Function = Function::new("fail", &[Type::String], Type::String, |_: &mut dyn Context, args| {
    Err(Failure::Message(args.str(0)?.to_text().into_owned()))
});

/// A time with the name of its zone at the end.
fn instant(text: &str) -> Value {
    let (text, zone) = text.rsplit_once(' ').unwrap();
    let (text, _) = text.rsplit_once(' ').unwrap();
    let parse = sprig::functions().find(|it| it.name == "mustToDate").unwrap();
    let layout = "2006-01-02T15:04:05.999999999 -07:00:00";
    let args = [Value::from(layout), Value::from(text)];
    let time = (parse.body)(&mut Nobody, airlock::render::gotemplate::Args(&args)).unwrap();
    object(downcast::<Time>(&time).unwrap().within(zone_named(zone)))
}

fn zone_named(name: &str) -> Zone {
    Zone::load(name.as_bytes()).unwrap_or_else(|| Zone::Fixed { name: name.into(), offset: 0 })
}

/// For functions that ask nothing of their context.
struct Nobody;

impl Context for Nobody {
    fn execute(&mut self, _: &[u8], _: &Value) -> Result<Str, Failure> {
        Err("nothing".into())
    }

    fn run(&mut self, _: &str, _: &Str, _: &Value) -> Result<Str, airlock::render::gotemplate::RunError> {
        Err(airlock::render::gotemplate::RunError::Execute("nothing".into()))
    }

    fn is_defined(&self, _: &[u8]) -> bool {
        false
    }

    fn charge(&mut self, _: u64) -> Result<(), Failure> {
        Ok(())
    }

    fn host(&self) -> Rc<dyn Any> {
        Rc::new(())
    }
}

/// `time.Duration`, of which the tests need no more than that it is one.
struct Duration(i64);

impl Object for Duration {
    fn type_name(&self) -> &'static str {
        "time.Duration"
    }

    fn kind(&self) -> airlock::render::gotemplate::Kind {
        airlock::render::gotemplate::Kind::Int(IntKind::Int64)
    }

    fn text(&self) -> Option<Str> {
        Some("1.5µs".into())
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::int64(self.0))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

const LISTS: [&ListType; 5] = [&ANYS, &STRINGS, &INTS, &ANY_LISTS, &ANY_MAPS];
const MAPS: [&MapType; 2] = [&ANY_MAP, &STRING_MAP];

/// A value from a row.
fn read(cell: &Json) -> Value {
    let (name, inner) = match cell {
        Json::Null => return Value::Nil,
        Json::Bool(truth) => return (*truth).into(),
        Json::Number(number) => return Value::int(number.as_i64().unwrap()),
        Json::String(text) => return text.as_str().into(),
        Json::Array(items) => return items.iter().map(read).collect(),
        Json::Object(map) => map.iter().next().unwrap(),
    };
    let number = || inner.as_str().unwrap();
    match name.as_str() {
        "bytes" => bytes(cell).into(),
        "float64" => Value::float(number().parse().unwrap()),
        "float32" => Value::Float(f64::from(number().parse::<f32>().unwrap()), FloatKind::Float32),
        "int64" => Value::int64(number().parse().unwrap()),
        "int32" => Value::Int(number().parse().unwrap(), IntKind::Int32),
        "uint64" => Value::Uint(number().parse().unwrap(), UintKind::Uint64),
        "uint32" => Value::Uint(number().parse().unwrap(), UintKind::Uint32),
        "uint8" => Value::Uint(number().parse().unwrap(), UintKind::Uint8),
        "time.Time" => instant(number()),
        "*semver.Version" => object(Version::parse(number()).unwrap()),
        "time.Duration" if number() == "5ns" => object(Duration(5)),
        "time.Duration" => object(Duration(1500)),
        "nil" => {
            let name = number();
            match LISTS.iter().find(|it| it.name == name) {
                Some(kind) => List::nil(kind).into(),
                None => Map::nil(MAPS.iter().find(|it| it.name == name).unwrap()).into(),
            }
        }
        "sprig.certificate" => {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            let build = sprig::functions().find(|it| it.name == "buildCustomCert").unwrap();
            let args = [0, 1].map(|at| Value::from(STANDARD.encode(inner[at].as_str().unwrap())));
            (build.body)(&mut Nobody, airlock::render::gotemplate::Args(&args)).unwrap()
        }
        "[]uint8" => {
            let items = inner.as_array().unwrap().iter();
            let byte = |it: &Json| it["uint8"].as_str().unwrap().parse::<u8>().unwrap();
            Value::Bytes(items.map(byte).collect::<Vec<u8>>().into())
        }
        name => match LISTS.iter().find(|it| it.name == name) {
            Some(kind) => List::new(kind, inner.as_array().unwrap().iter().map(read).collect()).into(),
            None => {
                let kind = MAPS.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("{cell}"));
                let entries = inner.as_object().unwrap().iter();
                Map::new(kind, entries.map(|(key, it)| (key.as_str().into(), read(it))).collect()).into()
            }
        },
    }
}

/// A value as a row has it.
fn show(value: &Value) -> Json {
    let name = value.type_name();
    match value {
        Value::Nil => Json::Null,
        Value::Bool(truth) => json!(truth),
        Value::Str(it) => text(it),
        Value::Int(number, IntKind::Int) => json!(number),
        Value::Int(number, _) => json!({ name: number.to_string() }),
        Value::Uint(number, _) => json!({ name: number.to_string() }),
        Value::Float(..) => {
            let printed = airlock::render::gotemplate::fmt::sprint(std::slice::from_ref(value)).unwrap();
            json!({ name: String::from_utf8(printed).unwrap() })
        }
        Value::List(list) if list.is_nil() => json!({ "nil": name }),
        Value::List(list) => {
            let items: Vec<Json> = list.items().iter().map(show).collect();
            if name == "[]interface {}" { json!(items) } else { json!({ name: items }) }
        }
        Value::Bytes(it) => {
            json!({ name: it.iter().map(|it| json!({ "uint8": it.to_string() })).collect::<Vec<_>>() })
        }
        Value::Map(map) if map.is_nil() => json!({ "nil": name }),
        Value::Map(map) => {
            let entries = map.to_vec().into_iter();
            let entries = entries.map(|(key, it)| (key.to_text().into_owned(), show(&it)));
            json!({ name: entries.collect::<serde_json::Map<_, _>>() })
        }
        Value::Object(it) => {
            if let Some(time) = downcast::<Time>(value) {
                let shown = time.format(b"2006-01-02T15:04:05.999999999 -07:00:00 MST");
                let shown = format!("{} {}", String::from_utf8_lossy(&shown), time.zone.name());
                return json!({ name: shown });
            }
            if let Some(version) = downcast::<Version>(value) {
                return json!({ name: version.original });
            }
            if name == "sprig.certificate" {
                return it.fields().iter().map(|(_, field)| show(field)).collect();
            }
            json!({ name: it.text().map(|it| it.to_text().into_owned()) })
        }
        other => json!({ name: format!("{other:?}") }),
    }
}

static TABLE: LazyLock<Arc<Table>> =
    LazyLock::new(|| Arc::new(Table::new(sprig::functions().chain([&CAPTURE, &FAIL]))));

/// Sprig's functions with Helm's before them.
pub static HELM: LazyLock<Arc<Table>> = LazyLock::new(|| {
    Arc::new(Table::new(sprig::functions().chain(helm::funcs::functions()).chain([&CAPTURE])))
});

/// What a template makes of one of Sprig's functions.
pub fn ask(name: &str, args: &[Json]) -> Json {
    ask_of(&TABLE, name, args)
}

fn ask_of(table: &Arc<Table>, name: &str, args: &[Json]) -> Json {
    let places: String = (0..args.len()).map(|at| format!(" .a{at}")).collect();
    let entries = args.iter().enumerate().map(|(at, it)| (Str::from(format!("a{at}")), read(it)));
    match run(table, &format!("{{{{ capture ({name}{places}) }}}}"), &entries.collect()) {
        Ok((_, captured)) => show(&captured),
        Err(error) => json!({ "error": error }),
    }
}

/// What a template of Sprig's functions writes.
pub fn render(template: &str) -> Result<String, String> {
    let (written, _) = run(&TABLE, template, &Value::Nil)?;
    Ok(String::from_utf8(written).unwrap())
}

/// Runs a template at a fixed time and with a fixed generator; gives what it writes and what it captured.
pub fn run(table: &Arc<Table>, template: &str, data: &Value) -> Result<(Vec<u8>, Value), String> {
    let mut set = Templates::new("t", Arc::<Table>::clone(table));
    set.parse("t", template).map_err(|error| error.to_string())?;
    let now = instant("2024-02-29T13:04:05.123456789 +00:00:00 UTC UTC");
    let now = downcast::<Time>(&now).unwrap().clone();
    let captured: Rc<dyn Any> = Rc::new(RefCell::new(Value::Nil));
    let random = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let host = Rc::new(Environment::new(now, random, Rc::clone(&captured)));
    let mut render = Render::new(&set, Budget::default(), host);
    let written = render.output(b"t", data).map_err(|error| error.to_string())?;
    let captured = captured.downcast_ref::<RefCell<Value>>().unwrap().take();
    Ok((written, captured))
}

#[test]
fn functions() {
    check(include_str!("../../data/sprig/functions.jsonl"), 9000, |asked, _| {
        ask(asked[0].as_str().unwrap(), asked[1].as_array().unwrap())
    });
}

/// Go hands a `common.Values` to a function as what it declares, and gets that back.
#[test]
fn a_named_map_loses_its_name() {
    static VALUES: MapType = MapType { name: "common.Values", element: Type::Any };
    let values = Value::Map(Map::new(&VALUES, [("a".into(), Value::int(1))].into()));
    for (call, name) in [
        ("typeOf .", "common.Values"),
        ("typeOf (set . \"b\" 2)", "map[string]interface {}"),
        ("typeOf (unset . \"b\")", "map[string]interface {}"),
        ("typeOf (merge . (dict))", "map[string]interface {}"),
        ("dig \"a\" 5 (set . \"b\" 2)", "1"),
    ] {
        let (written, _) = run(&TABLE, &format!("{{{{ {call} }}}}"), &values).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), name, "{call}");
    }
}

#[test]
fn functions_of_helm() {
    check(include_str!("../../data/sprig/helm.jsonl"), 900, |asked, _| {
        ask_of(&HELM, asked[0].as_str().unwrap(), asked[1].as_array().unwrap())
    });
}

#[test]
fn functions_of_random_input() {
    check(include_str!("../../data/sprig/random.jsonl"), 8000, |asked, _| {
        ask_of(&HELM, asked[0].as_str().unwrap(), asked[1].as_array().unwrap())
    });
}
