//! Things with methods and fields, errors in their parts, and what may be shared.

use std::{any::Any, rc::Rc, sync::Arc};

use airlock::render::gotemplate::{
    Budget, Error, Failure, Function, Kind, List, Map, Object, Render, Str, Templates, Type, Unit, Value,
    Why, parse,
    value::{IntKind, MapType, STRINGS, object},
};

use super::functions;

/// A time, as far as a template sees it.
struct Clock(i64);

static YEAR: Function =
    Function::new("Year", &[], Type::INT, |_, args| Ok(Value::int(args.object::<Clock>(0)?.0)));
static FORMAT: Function = Function::new("Format", &[Type::String], Type::String, |_, args| {
    let Clock(year) = args.object::<Clock>(0)?;
    Ok(args.str(1)?.to_text().replace("2006", &year.to_string()).into())
});
static ADD: Function = Function::new("Add", &[Type::INT], Type::Object("main.Clock"), |_, args| {
    Ok(object(Clock(args.object::<Clock>(0)?.0 + args.int(1)?)))
});

impl Object for Clock {
    fn type_name(&self) -> &'static str {
        "main.Clock"
    }
    fn method(&self, name: &str) -> Option<&'static Function> {
        [&YEAR, &FORMAT, &ADD].into_iter().find(|it| it.name == name)
    }
    fn text(&self) -> Option<Str> {
        Some(format!("year {}", self.0).into())
    }
    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("year", Value::int(self.0))]
    }
    fn equals(&self, other: &dyn Object) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|it| it.0 == self.0))
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A pointer to a struct with fields and without methods.
struct Pair;

impl Object for Pair {
    fn type_name(&self) -> &'static str {
        "*main.Pair"
    }
    fn kind(&self) -> Kind {
        Kind::Pointer
    }
    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(it, _)| *it == name).map(|(_, value)| value)
    }
    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", "c".into()), ("Key", Value::int(1))]
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A list under another name, with a method.
struct Versions(List);

static HAS: Function = Function::new("Has", &[Type::String], Type::Bool, |_, args| {
    let wanted = args.str(1)?;
    let found =
        args.object::<Versions>(0)?.0.items().iter().any(|it| matches!(it, Value::Str(it) if it == wanted));
    Ok(found.into())
});

impl Object for Versions {
    fn type_name(&self) -> &'static str {
        "main.VersionSet"
    }
    fn kind(&self) -> Kind {
        Kind::Slice
    }
    fn method(&self, name: &str) -> Option<&'static Function> {
        (name == "Has").then_some(&HAS)
    }
    fn underlying(&self) -> Option<Value> {
        Some(self.0.clone().into())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A map of bytes under another name, with a method.
struct Files(Map);

static BYTES_MAP: MapType = MapType { name: "map[string][]uint8", element: Type::Bytes };

static GET: Function = Function::new("Get", &[Type::String], Type::String, |_, args| {
    Ok(match args.object::<Files>(0)?.0.get(args.str(1)?) {
        Some(Value::Bytes(text)) => Value::Str(text),
        _ => "".into(),
    })
});

impl Object for Files {
    fn type_name(&self) -> &'static str {
        "main.Files"
    }
    fn kind(&self) -> Kind {
        Kind::Map
    }
    fn method(&self, name: &str) -> Option<&'static Function> {
        (name == "Get").then_some(&GET)
    }
    fn underlying(&self) -> Option<Value> {
        Some(self.0.clone().into())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An integer under another name, with methods.
struct Span(i64);

static DOUBLE: Function = Function::new("Double", &[], Type::Object("main.Span"), |_, args| {
    Ok(object(Span(args.object::<Span>(0)?.0 * 2)))
});

impl Object for Span {
    fn type_name(&self) -> &'static str {
        "main.Span"
    }
    fn kind(&self) -> Kind {
        Kind::Int(IntKind::Int64)
    }
    fn method(&self, name: &str) -> Option<&'static Function> {
        (name == "Double").then_some(&DOUBLE)
    }
    fn text(&self) -> Option<Str> {
        Some(format!("{}s", self.0).into())
    }
    fn underlying(&self) -> Option<Value> {
        Some(Value::int64(self.0))
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub static STAMP: Function = Function::new("stamp", &[Type::Object("main.Clock")], Type::INT, |_, args| {
    Ok(Value::int(args.object::<Clock>(0)?.0))
});

/// The data of rows that ask for objects; tests/oracle/gotemplate/objects.go has the same.
pub fn data() -> Value {
    let versions = Versions(List::new(&STRINGS, vec!["v1".into(), "apps/v1".into()]));
    let files = [("a", "A"), ("b", "B")].map(|(name, text)| (Str::from(name), Value::Bytes(text.into())));
    let entries = [
        ("now", object(Clock(2026))),
        ("pair", object(Pair)),
        ("versions", object(versions)),
        ("files", object(Files(Map::new(&BYTES_MAP, files.into())))),
        ("span", object(Span(5))),
        ("zero", object(Span(0))),
        ("nothing", Value::NilPointer("*main.Pair")),
        ("function", Value::Func(&STAMP)),
        ("list", Value::list(vec![Value::float(1.0), Value::Nil])),
    ];
    entries.into_iter().map(|(name, value)| (Str::from(name), value)).collect()
}

#[test]
fn an_error_has_its_parts() {
    let mut set = Templates::new("set", Arc::new(functions::table()));
    set.parse("chart/_lib.tpl", "{{ define \"a\" }}\n  {{ fail .x }}{{ end }}").unwrap();
    set.parse("chart/file.yaml", "é\n  {{ include \"a\" (dict \"x\" \"words\") | upper }}").unwrap();
    let mut render = Render::new(&set, Budget::default(), Rc::new(()));
    let error = render.output(b"chart/file.yaml", &Value::Nil).unwrap_err();
    let Error::Execute(outer) = &error else { panic!("{error}") };
    let place = outer.place.as_ref().unwrap();
    assert_eq!((place.name.as_str(), place.line, place.column), ("chart/file.yaml", 2, Some(5)));
    assert_eq!(
        (outer.template.as_str(), outer.node.as_str()),
        ("chart/file.yaml", "include \"a\" (dict \"x\" \"words\")")
    );
    let Some(Error::Execute(inner)) = error.cause() else { panic!("{error}") };
    assert_eq!(inner.place.as_ref().unwrap().to_string(), "chart/_lib.tpl:2:5");
    assert_eq!((inner.template.as_str(), inner.node.as_str()), ("a", "fail .x"));
    let Why::Call { function, failure: Failure::Message(words) } = &inner.why else { panic!("{error}") };
    assert_eq!((function.as_str(), words.as_str()), ("fail", "words"));
    let missing = render.output(b"nope", &Value::Nil).unwrap_err();
    assert_eq!(missing.to_string(), "template: no template \"nope\" associated with template \"set\"");
}

#[test]
fn a_render_goes_on_after_an_error() {
    let mut set = Templates::new("set", Arc::new(functions::table()));
    set.parse("bad", "written{{ range list 1 2 }}{{ $x := . }}{{ include \"none\" $x }}{{ end }}").unwrap();
    set.parse("good", "{{ $y := 1 }}{{ tpl \"{{ . }}\" $y }}{{ set . \"seen\" true | len }}").unwrap();
    let mut render = Render::new(&set, Budget::default(), Rc::new(()));
    let dot = Value::Map(Map::new(&airlock::render::gotemplate::value::ANY_MAP, [].into()));
    let (_, written) = render.partial_output(b"bad", &dot).unwrap_err();
    assert_eq!(written, b"written");
    assert_eq!(render.output(b"good", &dot).unwrap(), b"11");
    // Maps are references: what one template put in the next one sees.
    assert_eq!(render.output(b"good", &dot).unwrap(), b"11");
}

#[test]
fn what_is_parsed_can_be_shared() {
    fn check<T: Send + Sync>() {}
    check::<Unit>();
    check::<Templates>();
    let unit = Arc::new(
        parse("u", "{{ define \"a\" }}A{{ end }}{{ template \"a\" }}", &functions::table()).unwrap(),
    );
    let set = |names: &[&str]| {
        let mut set = Templates::new("set", Arc::new(functions::table()));
        set.add(&unit);
        for name in names {
            set.parse(name, "{{ define \"a\" }}B{{ end }}").unwrap();
        }
        Render::new(&set, Budget::default(), Rc::new(())).output(b"u", &Value::Nil).unwrap()
    };
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| set(&["later"]));
        (set(&[]), other.join().unwrap())
    });
    assert_eq!((first.as_slice(), second.as_slice()), (b"A".as_slice(), b"B".as_slice()));
}
